package messages

// japaneseProviders has what "wildcard providers" says of DNS services and their settings.
var japaneseProviders = map[string]string{
	// Services
	"acme-dns, to which a CNAME leads from each domain":                  "acme-dns。各ドメインから CNAME を向けて使います",
	"ConoHa, VPS Ver.2.0 and Ver.3.0":                                    "ConoHa (VPS Ver.2.0 と Ver.3.0)",
	"any pair of certbot's manual hooks, with the variables of @ENVFILE": "certbot の manual フック 2 つ。@ENVFILE の変数を渡します",
	"OpenStack DNS": "OpenStack の DNS",
	"a script, called as lego's exec calls it, with the variables of @ENVFILE": "スクリプト。lego の exec と同じ形で呼び、@ENVFILE の変数を渡します",
	"one of lego's DNS services, by the plugin wildcard-dns-lego":              "lego の DNS サービス (プラグイン wildcard-dns-lego 経由)",
	"a person, who is shown the records to set":                                "手作業。設定するレコードを表示します",
	"the program wildcard-dns-NAME":                                            "プログラム wildcard-dns-NAME",
	"BIND, Knot, PowerDNS and others, by signed DNS updates":                   "BIND, Knot, PowerDNS など (署名付き DNS 更新)",

	// Settings of several
	"TTL of the TXT records in seconds (60)":                                        "TXT レコードの TTL、秒 (60)",
	"how long to wait until all name servers publish the records, in seconds (900)": "全ネームサーバーでの公開を待つ時間、秒 (900)",
	"its secret": "その秘密",
	"password":   "パスワード",

	// ConoHa
	"tenant ID from the control panel's API page (Ver.3.0: the project's)": "テナント ID。コントロールパネルの API 情報にあります (Ver.3.0 ではプロジェクトの ID)",
	"API user name, gncu...; what Ver.2.0 logs in with":                    "API ユーザー名 gncu...。Ver.2.0 のログインに使います",
	"API user ID, 32 hexadecimal digits; what Ver.3.0 logs in with":        "API ユーザー ID (16 進 32 桁)。Ver.3.0 のログインに使います",
	"API password": "API パスワード",
	"tyo1, tyo2, ... (Ver.2.0) or c3j1 (Ver.3.0)":                        "tyo1, tyo2, ... (Ver.2.0) または c3j1 (Ver.3.0)",
	"how long to wait for one answer of the API, in seconds (30)":        "API の応答 1 回を待つ時間、秒 (30)",
	"base URL of the identity service, with /v2.0 or /v3 (the region's)": "認証サービスの基本 URL。/v2.0 または /v3 を含む (既定はリージョンのもの)",
	"base URL of the DNS service, without /v1 (the region's)":            "DNS サービスの基本 URL。/v1 を含まない (既定はリージョンのもの)",

	// acme-dns
	"URL of the acme-dns server": "acme-dns サーバーの URL",
	"JSON file with the accounts (CONFIG_DIR/acmedns/accounts.json); new ones are added": "アカウントの JSON ファイル (CONFIG_DIR/acmedns/accounts.json)。新しいものは追記します",
	"networks that may use new accounts, separated by commas (any)":                      "新しいアカウントを使えるネットワーク、コンマ区切り (制限なし)",
	"one account in place of the file: user name":                                        "ファイルの代わりの 1 アカウント: ユーザー名",
	"its password":  "そのパスワード",
	"its subdomain": "そのサブドメイン",
	"the name that the CNAMEs lead to (SUBDOMAIN.HOST of the server)": "CNAME の先の名前 (サブドメイン.サーバーのホスト名)",
	"how long to wait for one answer, in seconds (30)":                "応答 1 回を待つ時間、秒 (30)",

	// OpenStack
	"URL of Keystone, such as https://keystone.example.com/v3":                      "Keystone の URL。例: https://keystone.example.com/v3",
	"ID of the application credential":                                              "アプリケーション認証情報の ID",
	"name of the cloud in clouds.yaml; or one of the other two sets":                "clouds.yaml のクラウド名。または他の 2 組のいずれか",
	"clouds.yaml; else CONFIG_DIR/designate, ~/.config/openstack or /etc/openstack": "clouds.yaml の場所。既定は CONFIG_DIR/designate, ~/.config/openstack, /etc/openstack の順",
	"user name; or OS_USER_ID":                                                      "ユーザー名。または OS_USER_ID",
	"user ID":                                                                       "ユーザー ID",
	"project; or OS_PROJECT_ID":                                                     "プロジェクト。または OS_PROJECT_ID",
	"project ID":                                                                    "プロジェクト ID",
	"domain of the user (Default)":                                                  "ユーザーのドメイン (Default)",
	"ID of the user's domain":                                                       "ユーザーのドメインの ID",
	"domain of the project (the user's)":                                            "プロジェクトのドメイン (ユーザーと同じ)",
	"ID of the project's domain":                                                    "プロジェクトのドメインの ID",

	"region, if the catalogue has several":          "リージョン (カタログに複数ある場合)",
	"public (default), internal or admin":           "public (既定), internal, admin のいずれか",
	"file with the CA of a private cloud, PEM":      "プライベートクラウドの CA のファイル (PEM)",
	"URL of Designate, in place of the catalogue's": "Designate の URL (カタログの代わり)",

	// Signed DNS updates
	"the zone's primary name server: host or host:port (port 53)":                         "ゾーンのプライマリーサーバー: ホストまたはホスト:ポート (53)",
	"name of the TSIG key; required without RFC2136_TSIG_FILE":                            "TSIG 鍵の名前。RFC2136_TSIG_FILE がなければ必須",
	"secret of the TSIG key, base64; required without RFC2136_TSIG_FILE":                  "TSIG 鍵の秘密 (base64)。RFC2136_TSIG_FILE がなければ必須",
	"hmac-sha256 (default), hmac-sha512, hmac-sha384, hmac-sha224 or hmac-sha1":           "hmac-sha256 (既定), hmac-sha512, hmac-sha384, hmac-sha224, hmac-sha1 のいずれか",
	"path of a key file as tsig-keygen prints it, in place of name, algorithm and secret": "tsig-keygen 形式の鍵ファイルのパス。名前、方式、秘密の代わり",
	"zones to write in, separated by commas; not needed with a spec ZONE=rfc2136":         "書き込むゾーン、コンマ区切り。ZONE=rfc2136 と指定すれば不要",
	"how long to wait for one answer of the server, in seconds (10)":                      "サーバーの応答 1 回を待つ時間、秒 (10)",

	// Rules that "wildcard providers test" checks
	"zones are canonical and hold the zone":                    "ゾーンの一覧が正規形で、指定のゾーンを含む",
	"present adds the value":                                   "present が値を追加する",
	"clean up removes it":                                      "cleanup がそれを削除する",
	"two values share a name":                                  "2 つの値が同じ名前に並ぶ",
	"a second value is refused and does not replace the first": "2 つ目の値は拒否され、最初の値を置き換えない",
	"deleting one keeps the other":                             "一方を削除しても他方は残る",
	"records of others stay":                                   "他者のレコードは残る",
	"a value stays while others come and go":                   "他の値が増減しても値は残る",
	"present twice leaves one":                                 "present を 2 回呼んでも 1 件だけ残る",
	"clean up twice succeeds":                                  "cleanup を 2 回呼んでも成功する",
	"clean up of what was never presented succeeds":            "存在しないものの cleanup も成功する",
	"clean up without handle goes by name, type and value":     "ハンドルなしの cleanup は名前、型、値で特定する",
	"letter case of names does not matter":                     "名前の大文字と小文字を区別しない",
	"certbot's challenges have a value only":                   "certbot のチャレンジ (値のみ) を扱える",
	"a value may begin with a hyphen":                          "ハイフンで始まる値を扱える",
	"hostile values are refused or stored exactly":             "不正な値は拒否するか、そのまま保存する",
	"names outside the zones are refused":                      "ゾーン外の名前は拒否する",
	"handles are short and printable":                          "ハンドルは短く、表示可能な文字だけからなる",
	"handles work in another process":                          "ハンドルは別のプロセスでも使える",
	"mangled handles delete nothing else":                      "壊れたハンドルで他のものを削除しない",
	"many names at once":                                       "多数の名前を同時に扱える",
	"many values at once":                                      "多数の値を同時に扱える",
	"present and clean up at once":                             "present と cleanup を同時に行える",
	"an ended context ends the call":                           "取り消すと呼び出しが終わる",
	"a call cancelled on the way leaves nothing":               "途中で取り消しても何も残らない",
	"a silent service does not outlast the deadline":           "応答がなくても期限内に終わる",
	"a lost reply makes no second record":                      "応答が失われても 2 件目を作らない",
	"a lost reply takes nothing away":                          "応答が失われても何も失わない",
}
