package messages

// explanationsOfSettings are about the command line, settings, files with secrets, and DNS services.
var explanationsOfSettings = map[string]explanation{
	"usage": {
		exits: []int{2},
		cause: bilingual{"The command line cannot be carried out as it is; nothing was done.", "コマンドラインに誤りがあるため、何も実行していません。"},
		next:  command("wildcard --help"),
	},
	"provider.spec": {
		exits: []int{2},
		cause: bilingual{
			"A DNS service is named as [ZONE=]NAME[:ARG][@ENVFILE]; this is something else, or a service that this program cannot use here.",
			"DNS サービスは [ZONE=]NAME[:ARG][@ENVFILE] の形で指定します。形が違うか、ここでは使えないサービスです。"},
		next: bilingual{"wildcard providers lists what can stand there", "指定できるものの一覧: wildcard providers"},
	},
	"provider.unknown": {
		exits: []int{2, 78},
		cause: bilingual{"There is no DNS service of that name in this program, and no plugin.", "その名前の DNS サービスは内蔵されておらず、プラグインもありません。"},
		next:  command("wildcard providers"),
	},
	"settings.missing": {
		exits: []int{78},
		cause: bilingual{
			"The DNS service needs settings that were found nowhere; all of them are named above. They are taken as a set from one place.",
			"DNS サービスに必要な設定がどこにも見つかりません。不足分は上の行にすべて示しています。設定は 1 か所からまとめて読みます。"},
		next: bilingual{"put them into the last file that the line names (mode 600), then: wildcard doctor", "上の行の最後にあるファイル (モード 600) に書いてから: wildcard doctor"},
	},
	"settings.invalid": {
		exits: []int{78},
		cause: bilingual{
			"A setting is there but cannot be used as it is; the line names it, with its file and line where it has one.",
			"設定はありますが、その値のままでは使えません。上の行に設定名と、ファイルにある場合はその行番号を示しています。"},
		next: bilingual{"correct it (passwords in single quotes), then: wildcard doctor", "修正して (パスワードは一重引用符で囲みます) から: wildcard doctor"},
	},
	"settings.unsafe-file": {
		exits: []int{78},
		cause: bilingual{
			"A file or folder with secrets can be read or changed by others, or belongs to somebody else. It is not used until that is mended.",
			"秘密を含むファイルかフォルダーが、他の利用者に読み書きできる状態か、他人の所有です。直るまで使いません。"},
		next: bilingual{"run the chmod or chown of the line above, then the same command again", "上の行にある chmod または chown を実行してから、同じコマンドをもう一度実行してください"},
	},
	"manual.nobody": {
		exits: []int{78},
		cause: bilingual{"The provider manual asks a person to set the records, and nobody sits at a terminal.", "プロバイダー manual は人がレコードを設定しますが、端末の前に誰もいません。"},
		next:  bilingual{"run it in a terminal, or use a provider that works by itself: wildcard providers", "端末で実行するか、自動で動くプロバイダーを使ってください: wildcard providers"},
	},
	"credentials.refused": {
		exits: []int{77},
		cause: bilingual{
			"The DNS service does not accept user, password or tenant. It was tried once, so that no account is locked.",
			"DNS サービスがユーザー、パスワード、テナントのいずれかを受け付けませんでした。アカウントがロックされないよう、試行は 1 回だけです。"},
		next: bilingual{"compare them with the API page of the service's control panel, then: wildcard doctor", "サービスのコントロールパネルの API 情報と見比べてから: wildcard doctor"},
	},
	"service.failed": {
		exits: []int{1, 70, 75, 78},
		cause: bilingual{
			"The DNS service answered with an error; its status and words are in the line above.",
			"DNS サービスがエラーを返しました。ステータスと内容は上の行にあります。"},
		next: bilingual{"run it once more with -v to see the requests; wildcard doctor checks account and zones", "-v を付けて再実行すると通信内容が分かります。アカウントとゾーンの確認: wildcard doctor"},
	},
	"service.unavailable": {
		exits: []int{75},
		cause: bilingual{
			"The DNS service cannot be reached, does not answer, or asks to come back later.",
			"DNS サービスに接続できないか、応答がないか、後で試すように求められています。"},
		next: bilingual{"the timer tries again by itself; by hand, some minutes later: wildcard renew", "タイマーが自動で再試行します。手動の場合は数分後に: wildcard renew"},
	},
	"rfc2136.clock": {
		exits: []int{78},
		cause: bilingual{
			"TSIG signatures carry the time, and the name server's clock and this machine's differ by more than it allows (RFC 8945, mostly 5 minutes).",
			"TSIG 署名は時刻を含みます。ネームサーバーとこのマシンの時計が許容差 (RFC 8945、通常 5 分) を超えてずれています。"},
		next: command("timedatectl"),
	},
	"state.unusable": {
		exits: []int{78, 1, 70},
		cause: bilingual{
			"The state or run directory cannot be made, read or written, or it belongs to somebody else. Without the journal no record is created.",
			"状態ディレクトリまたは実行時ディレクトリを作成・読み書きできないか、他人の所有です。ジャーナルなしではレコードを作成しません。"},
		next: command("ls -ld /var/lib/wildcard /run/wildcard; df -h /var/lib/wildcard"),
	},
	"clock.wrong": {
		exits: []int{78},
		cause: bilingual{
			"This machine's clock contradicts the CA's, or a certificate's dates. Nothing is decided by such a clock.",
			"このマシンの時計が、CA の時刻か証明書の日付と食い違っています。この時計では判断できません。"},
		next: command("timedatectl set-ntp true"),
	},
}
