package messages

// explanationsOfDNS are about zones, names, delegation and publication.
var explanationsOfDNS = map[string]explanation{
	"zone.not-found": {
		exits: []int{78},
		cause: bilingual{
			"None of the configured accounts has a zone that holds the name; those they have are listed above. Often it is the other generation of ConoHa, or another account.",
			"設定済みのどのアカウントにも、この名前を含むゾーンがありません (持っているゾーンは上の行)。ConoHa の別世代や別アカウントにあることがよくあります。"},
		next: bilingual{"wildcard plan NAME shows which account would be asked", "どのアカウントが使われるかの確認: wildcard plan 名前"},
	},
	"zone.ambiguous": {
		exits: []int{78},
		cause: bilingual{
			"Two of the configured accounts could take the name, and only one of them is what the world sees.",
			"設定済みの 2 つのアカウントがこの名前を扱えますが、実際に公開されているのは一方だけです。"},
		next: bilingual{"say which: --provider ZONE=NAME@ENVFILE", "どちらを使うか指定してください: --provider ZONE=NAME@ENVFILE"},
	},
	"zone.delegated": {
		exits: []int{78},
		cause: bilingual{
			"The zone is in the account, but the DNS delegates it to other name servers, so nobody would see the record. Both sets of servers are above.",
			"ゾーンはアカウントにありますが、DNS 上は別のネームサーバーに委任されているため、レコードを作っても誰にも見えません。両方のサーバーは上の行にあります。"},
		next: bilingual{"use the account whose servers are delegated to, or change the delegation at the registrar: dig +short NS ZONE", "委任先のアカウントを使うか、レジストラで委任を変更してください: dig +short NS ゾーン"},
	},
	"challenge.invalid": {
		exits: []int{2},
		cause: bilingual{
			"A name is none that a certificate can have, or what certbot handed over is no DNS-01 challenge.",
			"証明書に使えない名前か、certbot から渡されたものが DNS-01 チャレンジではありません。"},
		next: bilingual{"check the spelling of the names; with certbot add --preferred-challenges dns", "名前の綴りを確認してください。certbot では --preferred-challenges dns を付けます"},
	},
	"cname.refused": {
		exits: []int{78},
		cause: bilingual{
			"_acme-challenge is a CNAME that leads out of the zones of the configured accounts, in a circle, or too far. Writing there could be what a forger wants.",
			"_acme-challenge の CNAME が、設定済みアカウントのゾーンの外に出ているか、循環しているか、長すぎます。偽の応答に書き込みを誘導されないよう、追跡しません。"},
		next: bilingual{"correct the CNAME, or configure the account of its target too: dig CNAME _acme-challenge.NAME", "CNAME を直すか、その先のアカウントも設定してください: dig CNAME _acme-challenge.名前"},
	},
	"cname.missing": {
		exits: []int{78},
		cause: bilingual{
			"acme-dns has a name of its own for every domain, and the CNAME that leads there from _acme-challenge is not set yet, or leads elsewhere. It is set once, by hand.",
			"acme-dns にはドメインごとに専用の名前があり、_acme-challenge からそこへ向かう CNAME がまだ無いか、別の名前を指しています。設定は手作業で 1 回だけです。"},
		next: bilingual{"set the CNAMEs of the lines above, then the same command again: dig CNAME _acme-challenge.NAME", "上の行の CNAME を設定してから、同じコマンドをもう一度実行してください: dig CNAME _acme-challenge.名前"},
	},
	"acmedns.crowded": {
		exits: []int{75},
		cause: bilingual{
			"acme-dns holds two values of a name, which is what NAME and *.NAME need. More are wanted at once: several domains lead to one name, or two runs are at work.",
			"acme-dns が 1 つの名前に持てる値は 2 つで、名前と *.名前 の 1 組分です。同時にそれ以上必要です: 複数のドメインが同じ名前を指しているか、2 つの実行が重なっています。"},
		next: bilingual{"let each domain's CNAME lead to a name of its own, or later: wildcard renew", "ドメインごとに別の名前へ CNAME を向けるか、後でもう一度: wildcard renew"},
	},
	"dns.no-answer": {
		exits: []int{75},
		cause: bilingual{
			"Resolvers or name servers did not answer, so it is not known where the record belongs. Often port 53 is closed, or the network is just coming up.",
			"リゾルバーかネームサーバーの応答がなく、レコードを置く場所を決められません。53 番ポートが閉じているか、ネットワークの起動直後であることがよくあります。"},
		next: bilingual{"name a resolver that answers, with --resolver IP; or later: wildcard renew", "--resolver IP で応答するリゾルバーを指定するか、後でもう一度: wildcard renew"},
	},
	"dns.too-many-values": {
		exits: []int{78},
		cause: bilingual{
			"Earlier runs of some ACME client have left their values at the name, so many that the service takes no more or that no answer of the name servers reaches the CA.",
			"以前の ACME クライアントの実行が残した値がこの名前に多数あり、サービスが追加を受け付けないか、ネームサーバーの応答が CA に届きません。"},
		next: bilingual{"delete the old TXT records there at the DNS service; those of ours: wildcard clean", "その名前の古い TXT レコードを DNS サービスで削除してください。wildcard が残したもの: wildcard clean"},
	},
	"dns.other-servers": {
		exits: []int{78},
		cause: bilingual{
			"The record was, or would be, written to one server, and others are awaited that have another zone of that name: split horizon, views, an old delegation. Both are in the line. If the parent delegates the zone to those that are awaited, the CA asks them too and does not see the record; otherwise it may well see it.",
			"レコードを書くサーバーと、待っているサーバーが別のもので、後者には同じ名前の別のゾーンがあります (スプリットホライズン、ビュー、古い委任)。両方とも上の行にあります。待っているサーバーに親ゾーンが委任しているなら、CA もそこに問い合わせるのでレコードは見えません。そうでなければ CA からは見えている可能性があります。"},
		next: bilingual{"do what the line names; what the world sees: dig +trace ZONE SOA", "上の行のとおりにしてください。外から見えるもの: dig +trace ゾーン SOA"},
	},
	"dns.intercepted": {
		exits: []int{75},
		cause: bilingual{
			"Something on this network (a router, a firewall, the provider) answers every question to port 53 itself, whatever server it was meant for. So it cannot be seen what the name servers have.",
			"このネットワークの何か (ルーター、ファイアウォール、プロバイダー) が、宛先のサーバーに関係なく 53 番ポートへの問い合わせに自分で答えています。そのためネームサーバーの内容を確認できません。"},
		next: bilingual{"let UDP and TCP port 53 through, or take the way that the line names; there is no server at this address, so an answer shows what answers for it: dig +norecurse @192.0.2.253 . SOA", "53 番ポート (UDP と TCP) を通すか、上の行の方法を使ってください。次のアドレスにサーバーは無いので、応答があれば途中の何かです: dig +norecurse @192.0.2.253 . SOA"},
	},
	"dns.not-published": {
		exits: []int{75},
		cause: bilingual{
			"The record was created, but some name server still lacked it at the end of the wait; the line says which. The CA would have been told \"no\".",
			"レコードは作成しましたが、待ち時間が終わってもまだ持っていないネームサーバーがあります (上の行)。このまま進むと CA の検証は失敗します。"},
		next: bilingual{"wildcard renew tries again; a longer wait: CONOHA_PROPAGATION_TIMEOUT=1800", "再試行: wildcard renew。待ち時間を延ばす場合: CONOHA_PROPAGATION_TIMEOUT=1800"},
	},
}
