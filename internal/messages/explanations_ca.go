package messages

// explanationsOfCA are about the certificate authority and the accounts there.
var explanationsOfCA = map[string]explanation{
	"acme.directory": {
		exits: []int{1},
		cause: bilingual{"What answers at the CA's URL is no ACME server, or one that lacks a part of the protocol.", "CA の URL で応答しているのは ACME サーバーではないか、必要な機能が欠けています。"},
		next:  bilingual{"check --server; without it Let's Encrypt is asked", "--server を確認してください。省略すると Let's Encrypt を使います"},
	},
	"acme.unreachable": {
		exits: []int{75},
		cause: bilingual{"The CA cannot be reached, or does not answer: network, firewall, proxy, or a failure there.", "CA に接続できないか、応答がありません。ネットワーク、ファイアウォール、プロキシ、または CA 側の障害です。"},
		next:  command("curl -sS https://acme-v02.api.letsencrypt.org/directory"),
	},
	"acme.tls": {
		exits: []int{1},
		cause: bilingual{"The CA's own TLS certificate is not trusted here: a private CA, an inspecting proxy, or old root certificates.", "CA サーバー自身の TLS 証明書を信頼できません。社内 CA、通信を検査するプロキシ、または古いルート証明書が原因です。"},
		next:  bilingual{"for a private CA: --ca-bundle FILE; else: apt-get install --reinstall ca-certificates", "社内 CA の場合: --ca-bundle FILE。それ以外: apt-get install --reinstall ca-certificates"},
	},
	"acme.bad-reply": {
		exits: []int{1},
		cause: bilingual{"The CA's answer breaks the protocol (RFC 8555). Something between may have changed it, or the CA is broken.", "CA の応答がプロトコル (RFC 8555) に反しています。途中で書き換えられたか、CA の不具合です。"},
		next:  bilingual{"run it once more with -v; if it stays, tell the CA", "-v を付けて再実行してください。続く場合は CA に連絡してください"},
	},
	"acme.unavailable": {
		exits: []int{75},
		cause: bilingual{"The CA answers that it cannot work now.", "CA が現在処理できない状態です。"},
		next:  bilingual{"look at the CA's status page; the timer tries again, or later by hand: wildcard renew", "CA の稼働状況ページを確認してください。タイマーが再試行します。手動の場合は後で: wildcard renew"},
	},
	"acme.rate-limited": {
		exits: []int{75},
		cause: bilingual{"The CA's limit for this account, name or set of names is used up. The line says until when; asking sooner only prolongs it.", "このアカウント、名前、または名前の組に対する CA の上限に達しました。再開できる時刻は上の行にあります。それまで試さないでください。"},
		next:  bilingual{"wait; meanwhile try with --dry-run, which counts elsewhere", "待ってください。その間の試行には、別枠の --dry-run を使えます"},
	},
	"acme.paused": {
		exits: []int{77},
		cause: bilingual{"The CA issues nothing here until a person has done something on its web site: too many tries have failed over months, or this program is too old for it. Waiting changes nothing.", "人が CA のサイトで手続きをするまで、CA は発行しません。何か月も失敗が続いたか、このプログラムが CA にとって古すぎます。待っても変わりません。"},
		next:  bilingual{"mend what failed (wildcard doctor), then open the address in the line above and follow it", "失敗の原因を直し (wildcard doctor)、上の行のアドレスを開いて手続きしてください"},
	},
	"acme.ended": {
		exits: []int{78},
		cause: bilingual{"This CA, or this server of it, issues no certificates any more.", "この CA、またはこのサーバーは、証明書の発行を終了しました。"},
		next:  bilingual{"wildcard issue --server letsencrypt NAME..., or another of: wildcard help ca", "wildcard issue --server letsencrypt 名前...、または wildcard help ca にある別の CA を使ってください"},
	},
	"acme.too-many-names": {
		exits: []int{2},
		cause: bilingual{"The CA takes fewer names on one certificate; the line above says how many. Nothing was sent to it.", "1 枚の証明書に入れられる名前の数を超えています。上限は上の行にあります。CA には何も送っていません。"},
		next:  bilingual{"several certificates, or one name with an asterisk in place of many: wildcard issue '*.example.com' example.com", "証明書を分けるか、多くの名前の代わりにワイルドカードを使ってください: wildcard issue '*.example.com' example.com"},
	},
	"acme.no-wildcard": {
		exits: []int{2},
		cause: bilingual{"This CA issues no wildcard certificates. Nothing was sent to it.", "この CA はワイルドカード証明書を発行しません。CA には何も送っていません。"},
		next:  bilingual{"each name by itself, or another CA: --server letsencrypt", "名前を 1 つずつ指定するか、別の CA を使ってください: --server letsencrypt"},
	},
	"acme.covered-name": {
		exits: []int{2},
		cause: bilingual{"*.example.com covers www.example.com, and this CA refuses a certificate with both. Nothing was sent to it.", "*.example.com は www.example.com を含みます。この CA は両方を持つ証明書を拒否します。CA には何も送っていません。"},
		next:  bilingual{"make the signing request without the names that *.example.com covers", "ワイルドカードに含まれる名前を除いて署名要求を作り直してください"},
	},
	"acme.revocation-reason": {
		exits: []int{2},
		cause: bilingual{"The CA does not take this reason for a revocation; those it takes are in the line above.", "CA はこの失効理由を受け付けません。使えるものは上の行にあります。"},
		next:  bilingual{"wildcard revoke --reason REASON NAME with one of those, or without --reason", "そのいずれかで wildcard revoke --reason 理由 名前、または --reason を省略してください"},
	},
	"acme.refused": {
		exits: []int{1},
		cause: bilingual{"The CA refuses the request, for the reason in the line above.", "CA が要求を拒否しました。理由は上の行にあります。"},
		next:  bilingual{"mend what the CA names, then try: wildcard issue --dry-run NAME", "CA が示した点を直してから試してください: wildcard issue --dry-run 名前"},
	},
	"acme.unauthorized": {
		exits: []int{77},
		cause: bilingual{"The account may not do this: it is deactivated, or the certificate belongs to another account.", "このアカウントには権限がありません。無効化されているか、証明書が別のアカウントのものです。"},
		next:  command("wildcard account show"),
	},
	"acme.account-unknown": {
		exits: []int{77},
		cause: bilingual{"The CA does not know the account whose files are here; it was removed there, or belongs to another server.", "ここにあるアカウントを CA が知りません。CA 側で削除されたか、別のサーバーのものです。"},
		next:  command("wildcard account register --agree-tos"),
	},
	"acme.terms": {
		exits: []int{77},
		cause: bilingual{"A new account needs your consent to the CA's terms of service; their address is in the line above.", "新しいアカウントの作成には CA の利用規約への同意が必要です。規約の URL は上の行にあります。"},
		next:  bilingual{"read them, then add --agree-tos", "規約を読んだうえで --agree-tos を付けてください"},
	},
	"acme.external-account": {
		exits: []int{78},
		cause: bilingual{"This CA opens accounts only for its own customers, who prove it with a key (external account binding), and that is missing or wrong.", "この CA のアカウント作成には顧客であることを示す鍵 (external account binding) が必要ですが、指定がないか誤っています。"},
		next:  bilingual{"get them from the CA; --eab-kid ID, the key in WILDCARD_EAB_HMAC_KEY", "CA から取得し、--eab-kid ID を指定し、鍵は WILDCARD_EAB_HMAC_KEY に入れてください"},
	},
	"acme.contact": {
		exits: []int{2},
		cause: bilingual{"The CA does not accept the e-mail address.", "CA がこのメールアドレスを受け付けません。"},
		next:  bilingual{"another --email ADDRESS, or none: most CAs want none", "別の --email ADDRESS を指定するか、省略してください (多くの CA では不要です)"},
	},
	"acme.rejected-name": {
		exits: []int{1},
		cause: bilingual{"The CA does not issue for this name: it is not public, on a list of the CA's, or misspelt.", "CA がこの名前には発行しません。公開された名前でないか、CA の禁止リストにあるか、綴りの誤りです。"},
		next:  bilingual{"issue without that name: wildcard issue NAME...", "その名前を除いて発行してください: wildcard issue 名前..."},
	},
	"acme.caa": {
		exits: []int{78},
		cause: bilingual{"A CAA record of the domain forbids this CA to issue (RFC 8659), or its name servers do not answer the question for CAA.", "ドメインの CAA レコードがこの CA による発行を禁じている (RFC 8659) か、ネームサーバーが CAA の問い合わせに答えていません。"},
		next:  bilingual{"dig CAA ZONE, and allow the CA: 0 issuewild \"letsencrypt.org\"", "dig CAA ゾーン で確認し、CA を許可してください: 0 issuewild \"letsencrypt.org\""},
	},
	"acme.profile": {
		exits: []int{2},
		cause: bilingual{"The CA has no certificate profile of that name; those it has are in the line above.", "CA にその名前の証明書プロファイルはありません。使えるものは上の行にあります。"},
		next:  bilingual{"choose one of those with --profile, or leave it out", "--profile でそのいずれかを指定するか、省略してください"},
	},
	"acme.csr": {
		exits: []int{1},
		cause: bilingual{"The CA does not accept the certificate signing request: weak key, names that differ, or extensions it does not issue.", "CA が証明書署名要求を受け付けません。鍵が弱い、名前が違う、または発行できない拡張が含まれています。"},
		next:  command("openssl req -in FILE -noout -text -verify"),
	},
	"acme.no-dns-challenge": {
		exits: []int{1},
		cause: bilingual{"The CA offers no DNS-01 validation for a name, so we cannot prove it.", "CA がこの名前に DNS-01 検証を提供していないため、所有を証明できません。"},
		next:  bilingual{"try another CA: --server letsencrypt", "別の CA を試してください: --server letsencrypt"},
	},
	"acme.validation-failed": {
		exits: []int{1},
		cause: bilingual{"The CA looked for the TXT records and did not find what it should; every name and the CA's words are above. Some of its viewpoints may see other servers than we do.", "CA が TXT レコードを確認しましたが、期待した値がありませんでした。名前ごとの CA の説明は上の行にあります。CA からは別のネームサーバーが見えている可能性があります。"},
		next:  command("wildcard doctor"),
	},
	"acme.remembers": {
		exits: []int{75},
		cause: bilingual{"The CA looked at this name a moment ago, and its resolvers keep an answer for its TTL, a minute at most: it would not see the new value. The run may not take long enough to wait for that.", "CA が少し前にこの名前を確認しており、そのリゾルバーは応答を TTL の間 (最長 1 分) 保持するため、新しい値が見えません。この実行の残り時間では待ちきれません。"},
		next:  bilingual{"run it again after the time in the line above; for a CA of your own whose resolver keeps nothing: --ca-cache 0", "上の行の時刻を過ぎてから再実行してください。応答を保持しない自前の CA の場合: --ca-cache 0"},
	},
	"acme.order-invalid": {
		exits: []int{1},
		cause: bilingual{"The CA gave the order up; the next run makes a new one.", "CA が注文を取り消しました。次の実行で新しい注文を作ります。"},
		next:  command("wildcard renew"),
	},
	"acme.bad-certificate": {
		exits: []int{1},
		cause: bilingual{"What the CA delivered is not the certificate that was asked for (key, names, dates or chain). It is not made live.", "CA から届いたものが、要求した証明書と一致しません (鍵、名前、日付、チェーンのいずれか)。使っていません。"},
		next:  bilingual{"compare the line above with what you asked for, and ask the CA; to order once more: wildcard issue --force NAME...", "上の行と要求した内容を比べ、CA に確認してください。注文し直す場合: wildcard issue --force 名前..."},
	},
	"acme.already-revoked": {
		exits: []int{1},
		cause: bilingual{"The certificate was revoked before; there is nothing left to do for that.", "この証明書はすでに失効しています。失効のための作業は残っていません。"},
		next:  bilingual{"for a new one: wildcard issue --force NAME", "新しい証明書が必要な場合: wildcard issue --force 名前"},
	},
	"acme.deadline": {
		exits: []int{75},
		cause: bilingual{"The run took longer than it may, most often because the CA or the name servers are slow. The order is kept.", "実行時間の上限に達しました。CA かネームサーバーが遅いことがよくあります。注文は保存されています。"},
		next:  command("wildcard renew"),
	},
	"acme.renewal-information": {
		exits: []int{1, 75},
		cause: bilingual{"The CA's advice on when to renew (RFC 9773) cannot be used. The certificate's own dates decide instead.", "CA の更新時期の情報 (RFC 9773) を使えません。代わりに証明書の有効期間から判断します。"},
		next:  bilingual{"nothing needs to be done", "対応は不要です"},
	},
}
