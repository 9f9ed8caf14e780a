package messages

// japaneseHooks has what the hooks print beyond their failures.
var japaneseHooks = map[Text]string{
	"usage: %s [options]":               "使い方: %s [オプション]",
	"certbot runs this program: it %s.": "certbot が実行するプログラムです。%s。",
	"creates the TXT record of a DNS-01 challenge and waits for the last one's publication": "DNS-01 の TXT レコードを作成し、最後の 1 件で公開を待ちます",
	"deletes the TXT record that the auth hook made":                                        "auth フックが作成した TXT レコードを削除します",
	"DNS service, [ZONE=]NAME[:ARG][@ENVFILE]; may be repeated":                             "DNS サービス、[ZONE=]NAME[:ARG][@ENVFILE]。複数可",
	"credentials (default: /etc/letsencrypt/conoha/.env)":                                   "認証情報 (既定: /etc/letsencrypt/conoha/.env)",
	"certbot's directory (default: /etc/letsencrypt)":                                       "certbot のディレクトリ (既定: /etc/letsencrypt)",
	"where the journal is kept (default: /var/lib/wildcard)":                                "ジャーナルの場所 (既定: /var/lib/wildcard)",
	"resolvers, IP[:PORT] or https://URL,... (the system's)":                                "リゾルバー、IP[:PORT] か https://URL,... (システム)",
	"ask these for publication, not the delegated ones":                                     "委任先の代わりに公開を確認するネームサーバー",
	"wait longer, for servers that cannot be asked (0)":                                     "公開後にさらに待つ秒数 (0)",
	"how long the CA's resolvers keep an answer (60)":                                       "認証局のリゾルバーが応答を保持する秒数 (60)",
	"language, such as en or ja (default: that of the locale)":                              "言語、en または ja など (既定: ロケールの言語)",
	"say on standard error what is done":                                                    "実行内容を標準エラーに表示します",
	"Variables of the same meaning: %s.":                                                    "同じ意味の環境変数: %s。",
}
