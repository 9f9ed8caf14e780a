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
}
