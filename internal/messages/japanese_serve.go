package messages

// japaneseServe has what "serve" and "client" say, and their help. Lines of help have at most 78 cells.
var japaneseServe = map[Text]string{
	// Help
	"give other machines of yours public certificates, by ACME": "自分の他のマシンに ACME で公開証明書を渡します",
	"Runs until it is stopped. A machine asks with any ACME client and the key that\n\"wildcard client add\" prints. It holds no DNS password; its own key never leaves it.": "停止されるまで動きます。各マシンは任意の ACME クライアントと、\n\"wildcard client add\" が表示する鍵で申請します。マシンに DNS のパスワードは不要で、\n秘密鍵はマシンから出ません。",
	"`NAME` under which machines reach the server; its own certificate is for it":                                                                                            "各マシンがサーバーに接続する `NAME`。サーバー自身の証明書もこの名前",
	"`ADDRESS:PORT` to listen at": "待ち受ける `ADDRESS:PORT`",
	"`ADDRESS:PORT` of this machine (127.0.0.1:PORT), where /healthz and /metrics are":                                                         "/healthz と /metrics を置く、このマシンだけの `ADDRESS:PORT` (127.0.0.1:PORT)",
	"`NAME` of the certificate to show; another program renews it (default: one is obtained)":                                                  "提示する証明書の `NAME`。更新は別のプログラムが行う (既定: 自分で取得)",
	"the machines that may ask \"wildcard serve\"":                                                                                             "\"wildcard serve\" に申請できるマシンを管理します",
	"What a client may have stands in CONFIG_DIR/serve/CLIENT.conf. A change counts at\nonce.":                                                 "クライアントに許す名前は CONFIG_DIR/serve/CLIENT.conf にあります。変更はすぐに有効です。",
	"let a machine have certificates, and print its key":                                                                                       "マシンに証明書を許可し、その鍵を表示します",
	"NAME is a name, *.NAME, .NAME (all names below it) or *..NAME (all wildcards\nbelow it). *.NAME is never implied. The key is shown once.": "NAME は名前、*.NAME、.NAME (その下のすべての名前)、*..NAME (その下のすべての\nワイルドカード) です。*.NAME は明示しない限り許可されません。鍵の表示は一度だけです。",
	"`NETWORK` that it must come from; may be repeated (default: any)":                                                                         "接続元として許す `NETWORK`。繰り返し可 (既定: 制限なし)",
	"`NUMBER` of orders that it may make in an hour (default 60)":                                                                              "1 時間に作れるオーダーの数 `NUMBER` (既定 60)",
	"the clients, and what each may have":                                                                                                      "クライアントの一覧と、許可された名前を表示します",
	"one client, and its certificates":                                                                                                         "クライアント 1 件とその証明書を表示します",
	"end a client, its key and its accounts":                                                                                                   "クライアントを鍵とアカウントごと削除します",
	"Its certificates stay valid; it gets no more.":                                                                                            "発行済みの証明書は有効なままで、以後は発行されません。",
	"whether a client may have a name, and why":                                                                                                "クライアントが名前を使えるかどうかと理由を表示します",
	"Exits with 1 if it may not have one of them.":                                                                                             "使えない名前があれば終了ステータスは 1 です。",

	// Usage
	"serve takes no names but --name: wildcard client add says what each machine may have":    "serve の名前は --name だけです。各マシンに許す名前: wildcard client add",
	"serve wants --name NAME, a name under which machines reach it, such as acme.example.com": "serve には --name NAME が必要です。acme.example.com のような、各マシンが接続する名前です",
	"--status %s: want ADDRESS:PORT":                                                                     "--status %s: ADDRESS:PORT の形で指定してください",
	"--status %s: want an address of this machine alone, such as 127.0.0.1:8480":                         "--status %s: 127.0.0.1:8480 のような、このマシンだけのアドレスを指定してください",
	"client add wants the client's name and what it may have: wildcard client add web1 web1.example.com": "client add にはクライアント名と許可する名前が必要です: wildcard client add web1 web1.example.com",
	"--orders-per-hour is from 1 to 100000":                                                              "--orders-per-hour は 1 から 100000 です",
	"client list takes no names":                                                                         "client list は名前を取りません",
	"client show takes the name of one client":                                                           "client show にはクライアント名を 1 つ指定してください",
	"client remove takes the name of one client":                                                         "client remove にはクライアント名を 1 つ指定してください",
	"client explain wants the client's name and the names that it asks for":                              "client explain にはクライアント名と、申請する名前が必要です",

	// Answers
	"serving at %s/directory":                                               "%s/directory で受け付けています",
	"The client %s may have %s.":                                            "クライアント %s に許可された名前: %s",
	"Its key, which is shown this once:":                                    "鍵 (表示は今回だけです):",
	"The server has not run yet: put its name in the place of ACME-SERVER.": "サーバーはまだ一度も動いていません。ACME-SERVER をサーバーの名前に置き換えてください。",
	"There are no clients; wildcard client add makes one.":                  "クライアントはありません。追加: wildcard client add",
	"CLIENT":                             "クライアント",
	"FROM":                               "接続元",
	"  kid %s, made at %s, policy in %s": "  kid %s、作成 %s、許可 %s",
	"  %s: revoked":                      "  %s: 失効済み",
	"  %s: valid until %s":               "  %s: 有効期限 %s",
	"Remove the client %s? Its machine gets no more certificates.": "クライアント %s を削除しますか? そのマシンには以後証明書が発行されません。",
	"The client %s is removed.":                                    "クライアント %s を削除しました。",
	"%s: yes, by the line %s":                                      "%s: 使えます (%s の行)",
	"%s: no; the line %s does not cover it":                        "%s: 使えません。%s の行には含まれません",
	"%s: no; no line of %s is near":                                "%s: 使えません。%s に近い行はありません",

	// Codes
	"There is no client of this name for wildcard serve, or there is one already.":                                                           "wildcard serve にその名前のクライアントがないか、すでにあります。",
	"The file that says what a client may have cannot be read or has a line that is not known. Until it is mended, the client gets nothing.": "クライアントに許す名前のファイルが読めないか、未知の行があります。直るまで、そのクライアントには何も発行されません。",
	"correct the line; or: wildcard client remove CLIENT, and add it again":                                                                  "その行を直すか、wildcard client remove CLIENT で削除して追加し直してください",
	"The server cannot listen at its address: another program has the port, or ports below 1024 are not allowed to this user.":               "指定のアドレスで待ち受けられません。別のプログラムがポートを使っているか、この利用者は 1024 未満のポートを使えません。",
	"find the other program (ss -ltnp), or choose another port: wildcard serve --listen ADDRESS:PORT":                                        "別のプログラムを確かめるか (ss -ltnp)、別のポートを選んでください: wildcard serve --listen ADDRESS:PORT",
}
