package messages

// japanesePersist is what is said of records that stay (dns-persist-01).
var japanesePersist = map[Text]string{
	"`HOW` names are proven: dns-01, dns-persist-01, or auto: by a record of \"persist\" that is there, else dns-01": "名前の検証方法 `HOW`: dns-01、dns-persist-01、または auto (\"persist\" のレコードがあればそれを使い、なければ dns-01)",
	"proven by the record that is there":                                                   "既にあるレコードで検証します",
	"%s: no name server could be asked for its record; the CA finds out":                   "%s: どのネームサーバーにもレコードを問い合わせできませんでした。確認は認証局に任せます",
	"%s: its renewals need no credentials of a DNS service any more; those of %s still do": "%s: 今後の更新に DNS サービスの認証情報は要りません。%s の更新にはまだ必要です",
	"%s: its renewals need no credentials of a DNS service any more, and no other certificate here does: they may leave this machine (%s). \"persist set\" and \"persist remove\" need them again. What is to be kept is the account's key: who has it can get certificates for these names": "%s: 今後の更新に DNS サービスの認証情報は要らず、ここの他の証明書にも要りません。このマシンから取り除けます (%s)。\"persist set\" と \"persist remove\" には再び必要です。守るべきものはアカウントの鍵です。鍵を持つ者は、これらの名前の証明書を取得できます",
	"challenge": "検証方法",
	"proof":     "検証",
	"%s is there already: no DNS service is needed": "%s は既にあり、DNS サービスは要りません",
	"%s, the last time: no DNS service was needed":  "前回は %s: DNS サービスは使いませんでした",
	"No record at _validation-persist lets this account prove a name: it is missing, has ended, is another account's, or is not written as every CA reads it. The line above has the record that would.": "_validation-persist に、このアカウントで名前を検証できるレコードがありません。存在しないか、期限切れか、別のアカウントのものか、すべての認証局が読める書き方ではありません。上の行に正しいレコードがあります。",
	"set that record in the DNS, or prove the name by dns-01: --challenge dns-01": "そのレコードを DNS に設定するか、dns-01 で検証してください: --challenge dns-01",
	"The CA offers no challenge for a name that could be answered here.":          "認証局がこの名前に、ここで応答できるチャレンジを提供していません。",
	"try another way or another CA: --challenge dns-01, --server letsencrypt":     "別の方法か別の認証局を試してください: --challenge dns-01、--server letsencrypt",
}
