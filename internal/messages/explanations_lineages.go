package messages

// explanationsOfLineages are about certificates and accounts on disk.
var explanationsOfLineages = map[string]explanation{
	"lineage.name": {
		exits: []int{2},
		cause: bilingual{"This cannot be the name of a certificate's folder.", "証明書のフォルダー名として使えない名前です。"},
		next:  bilingual{"choose one of letters, digits, hyphens and dots: --cert-name example.com", "英数字、ハイフン、ドットからなる名前にしてください: --cert-name example.com"},
	},
	"lineage.not-found": {
		exits: []int{2, 78},
		cause: bilingual{"There is no certificate, version or account of that name in the configuration directory.", "その名前の証明書、版、またはアカウントが設定ディレクトリにありません。"},
		next:  command("wildcard list"),
	},
	"lineage.not-owned": {
		exits: []int{2},
		cause: bilingual{"The certificate is certbot's to renew. We change only what we made or took over.", "この証明書は certbot の管理下にあります。本プログラムが変更するのは、自身で作成したものと引き継いだものだけです。"},
		next:  bilingual{"take it over as it is: wildcard adopt NAME", "そのまま引き継ぐ場合: wildcard adopt 名前"},
	},
	"lineage.exists": {
		exits: []int{78, 1},
		cause: bilingual{"Files of that certificate or account are there already, and would have been overwritten.", "その証明書またはアカウントのファイルがすでにあり、上書きになるため中止しました。"},
		next:  bilingual{"look with wildcard list; another name: --cert-name NAME", "wildcard list で確認するか、--cert-name 名前 で別の名前にしてください"},
	},
	"lineage.damaged": {
		exits: []int{78},
		cause: bilingual{"Files or links of the certificate are missing, do not match, or lead elsewhere.", "証明書のファイルやリンクが欠けているか、組が一致しないか、別の場所を指しています。"},
		next:  bilingual{"wildcard renew --cert-name NAME repairs ours; certbot's own need certbot", "wildcard renew --cert-name 名前 で修復します (certbot 管理のものは certbot で直してください)"},
	},
	"lineage.bad-certificate": {
		exits: []int{1},
		cause: bilingual{"Certificate, chain and key do not make a set that can be kept; what is live was not touched.", "証明書、チェーン、鍵が一組になっていないため保存できません。使用中のものには触れていません。"},
		next:  command("wildcard renew"),
	},
	"lineage.conf": {
		exits: []int{78, 2},
		cause: bilingual{"A renewal/NAME.conf cannot be read as certbot writes it, or a setting cannot be written into it.", "renewal/名前.conf を certbot の書式として読めないか、設定を書き込めません。"},
		next:  bilingual{"correct the line that is named, or restore the file from a backup; then: wildcard list", "示された行を直すか、バックアップから戻してから: wildcard list"},
	},
	"lineage.store": {
		exits: []int{78},
		cause: bilingual{"The configuration directory cannot be read or written. Found before anything was ordered.", "設定ディレクトリを読み書きできません。注文の前に検出しました。"},
		next:  bilingual{"run it as root, or name a folder of your own: --config-dir DIR", "root で実行するか、自分のフォルダーを指定してください: --config-dir DIR"},
	},
	"lineage.no-space": {
		exits: []int{78},
		cause: bilingual{"The disk, its inodes or the quota are used up. An issued certificate is kept, and stored by the next run.", "ディスクの空き容量、inode、またはクォータが不足しています。発行済みの証明書は保管されており、次の実行で保存します。"},
		next:  command("df -h /etc/letsencrypt /var/lib/wildcard; df -i /etc/letsencrypt"),
	},
	"lineage.locked": {
		exits: []int{75},
		cause: bilingual{"certbot, or another run of ours, is at work on it.", "certbot または別の実行が処理中です。"},
		next:  bilingual{"wait until that has ended, then the same command again", "終わるのを待ってから、同じコマンドをもう一度実行してください"},
	},
	"lineage.account": {
		exits: []int{78, 1, 2},
		cause: bilingual{"The files of an account cannot be used: unreadable, not ours, or not of the form that certbot writes.", "アカウントのファイルを使えません。読めないか、他人の所有か、certbot の書式ではありません。"},
		next:  command("ls -lR /etc/letsencrypt/accounts"),
	},
	"lineage.account-choice": {
		exits: []int{2},
		cause: bilingual{"Several accounts exist for this CA, and none was chosen.", "この CA のアカウントが複数あり、どれを使うか指定されていません。"},
		next:  bilingual{"wildcard account show lists them; choose with --account ID", "wildcard account show で一覧し、--account ID で選んでください"},
	},
	"lineage.unsafe-path": {
		exits: []int{78},
		cause: bilingual{"Somebody else owns or may change a folder on the way, and could redirect what is written.", "途中のフォルダーが他人の所有か、他人に変更できる状態で、書き込み先をすり替えられるおそれがあります。"},
		next:  bilingual{"give the folder that is named back to root: chown root:root DIR; chmod go-w DIR", "示されたフォルダーを root の管理に戻してください: chown root:root DIR; chmod go-w DIR"},
	},
	"lineage.staging": {
		exits: []int{2},
		cause: bilingual{"A certificate for tries would take the place of a real one, and browsers would refuse it.", "試験用の証明書が本物を置き換えることになり、ブラウザーに拒否されるため中止しました。"},
		next:  command("wildcard issue --dry-run NAME"),
	},
	"release.impossible": {
		exits: []int{1},
		cause: bilingual{"certbot has no option for how this certificate is renewed, so it could not renew it.", "この証明書の更新方法に当たるオプションが certbot にないため、certbot では更新できません。"},
		next:  bilingual{"keep it with wildcard renew, or issue it anew with certbot under another name", "wildcard renew で管理を続けるか、certbot で別名の証明書を取り直してください"},
	},
}
