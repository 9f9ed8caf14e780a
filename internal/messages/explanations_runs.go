package messages

// explanationsOfRuns are about what happens around an order: limits, hooks, clean-up, and ourselves.
var explanationsOfRuns = map[string]explanation{
	"ledger.validations": {
		exits: []int{75},
		cause: bilingual{"Validations of a name failed so often within an hour that the CA would soon stop answering. We stop before.", "1 時間以内の検証失敗が増え、CA に止められる手前で停止しました。"},
		next:  bilingual{"mend the cause first (wildcard doctor), try with --dry-run, then wait until the time in the line", "先に原因を直し (wildcard doctor)、--dry-run で試し、上の行の時刻まで待ってください"},
	},
	"ledger.rate-limited": {
		exits: []int{75},
		cause: bilingual{"The CA asked to come back later, and it is not later yet.", "CA から後で試すように求められており、まだその時刻になっていません。"},
		next:  bilingual{"wait until the time in the line; the timer does", "上の行の時刻まで待ってください (タイマーは自動で待ちます)"},
	},
	"ledger.back-off": {
		exits: []int{75},
		cause: bilingual{"The last attempts failed, so unattended runs wait longer each time, as the CA asks clients to do.", "直近の試行が失敗したため、自動実行の間隔を延ばしています (CA の要請によるものです)。"},
		next:  bilingual{"wildcard show NAME tells the last failure; by hand it is tried at once: wildcard renew --force --cert-name NAME", "直近の失敗の確認: wildcard show 名前。手動ならすぐに試せます: wildcard renew --force --cert-name 名前"},
	},
	"ledger.held": {
		exits: []int{1},
		cause: bilingual{"The CA issued a certificate that is not what was asked for. It is kept in the state directory; a further order would cost another one like it, so none is made.", "CA が発行した証明書は要求したものと違いました。証明書は状態ディレクトリに残してあります。注文し直すと同じものがまた発行されるため、注文しません。"},
		next:  bilingual{"ask for what the CA gives (with the names in the line above), or choose another CA; to order once more all the same: wildcard issue --force NAME...", "上の行の名前を含めて CA が出すとおりに要求するか、別の CA を選んでください。それでも注文し直す場合: wildcard issue --force 名前..."},
	},
	"hook.failed": {
		exits: []int{1, 78},
		cause: bilingual{"The certificate is stored; a hook that runs before or after it could not be run, failed, or took too long. A deploy hook is run again by the next run.", "証明書は保存済みですが、前後に実行するフックを起動できないか、失敗したか、時間がかかりすぎました。deploy フックは次の実行でもう一度実行します。"},
		next:  bilingual{"run the hook by hand, mend it, then: wildcard renew", "フックを手動で実行して直してから: wildcard renew"},
	},
	"hook.unsafe": {
		exits: []int{78},
		cause: bilingual{"Somebody else could change a hook that would run with our rights.", "本プログラムの権限で実行されるフックを、他人が変更できる状態です。"},
		next:  bilingual{"chown root:root FILE; chmod go-w FILE (and the folders above it)", "chown root:root FILE; chmod go-w FILE (上位のフォルダーも同様)"},
	},
	"systemd.failed": {
		exits: []int{1, 78},
		cause: bilingual{"systemctl failed or a unit could not be written; what it said is in the line above.", "systemctl が失敗したか、ユニットを書き込めません。内容は上の行にあります。"},
		next:  bilingual{"run it as root; then: wildcard systemd status", "root で実行してください。状態の確認: wildcard systemd status"},
	},
	"systemd.edited": {
		exits: []int{78},
		cause: bilingual{"A unit of ours was edited in place, so it is neither replaced nor removed.", "ユニットが直接編集されているため、置き換えも削除もしません。"},
		next:  bilingual{"move the changes into a drop-in (systemctl edit wildcard-renew.service), remove the file, then: wildcard systemd install", "変更をドロップインに移し (systemctl edit wildcard-renew.service)、ファイルを削除してから: wildcard systemd install"},
	},
	"cleanup.pending": {
		exits: []int{75},
		cause: bilingual{"A TXT record of ours could not be deleted yet. The journal knows it; every later run tries again.", "作成した TXT レコードをまだ削除できていません。ジャーナルに記録されており、以後の実行で再試行します。"},
		next:  command("wildcard clean"),
	},
	"csr.invalid": {
		exits: []int{2},
		cause: bilingual{"The file is no certificate signing request for DNS names that can be used.", "このファイルは、DNS 名に対する有効な証明書署名要求ではありません。"},
		next:  command("openssl req -in FILE -noout -text -verify"),
	},
	"output.unwritable": {
		exits: []int{1, 78},
		cause: bilingual{"The file that was asked for cannot be written there.", "指定された場所にファイルを書き込めません。"},
		next:  bilingual{"name a file in a folder that exists and that you may write to", "存在し、書き込みできるフォルダー内のファイルを指定してください"},
	},
	"notify.failed": {
		exits: []int{1},
		cause: bilingual{"A channel of --notify did not take a message; the line says why. The renewal itself is not touched, and the next run tries again.", "--notify の通知先に送れませんでした (理由は上の行)。更新自体には影響せず、次の実行で再送します。"},
		next:  command("wildcard renew --notify-test"),
	},
	"notify.invalid": {
		exits: []int{2},
		cause: bilingual{"A channel is not written as one can be.", "通知先の書き方が正しくありません。"},
		next:  bilingual{"write mailto:ADDRESS, exec:/PROGRAM or https://HOST/PATH, separated by spaces in WILDCARD_NOTIFY", "mailto:アドレス、exec:/プログラム、https://ホスト/パス のいずれかを書いてください (WILDCARD_NOTIFY では空白区切り)"},
	},
	"confirm": {
		exits: []int{1},
		cause: bilingual{"The question was not answered with y, so nothing was done.", "確認に y と答えなかったため、何も実行していません。"},
		next:  bilingual{"the same command with --yes does not ask", "--yes を付けると確認なしで実行します"},
	},
	"internal": {
		exits: []int{70},
		cause: bilingual{"A defect of this program. What stands in the DNS is in the journal and removed by the next run.", "本プログラムの不具合です。DNS に残ったものはジャーナルに記録されており、次の実行で削除します。"},
		next:  bilingual{"please report it, with the output of the same command with -vv", "同じコマンドに -vv を付けた出力を添えて報告してください"},
	},
}
