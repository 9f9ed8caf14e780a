package messages

// japaneseDeploy has what follows a renewal: files, hooks, and the look at the servers.
var japaneseDeploy = map[Text]string{
	// Codes
	"The new certificate is stored, and its hooks ran; yet 15 seconds later an address of --verify still served another certificate, or no TLS at all. Each run does the deployment again.": "新しい証明書は保存され、フックも実行されましたが、15 秒後も --verify のアドレスが別の証明書を提供しているか、TLS で応答しませんでした。次の実行のたびにやり直します。",
	"reload the server, look whether it reads the files in live/, then: wildcard deploy NAME":                                                                                               "サーバーを再読み込みし、live/ のファイルを読んでいるか確認してから: wildcard deploy 名前",
	"The new certificate was not served where --verify looks, so the former one was put back (--rollback). The new one is kept; no other one is ordered before the last day of the former.": "--verify のアドレスで新しい証明書が提供されなかったため、以前の証明書に戻しました (--rollback)。新しい証明書は残っており、以前のものの期限の前日まで次の注文はしません。",
	"look why the server refused it (its log, wildcard doctor), then: wildcard deploy NAME":                                                                                                 "サーバーが受け付けなかった理由を調べてから (サーバーのログ、wildcard doctor): wildcard deploy 名前",

	"The certificate is stored, and its key store (--pkcs12, --jks) was not made: what is in the file would not have been what belongs there. The former key store is as it was.": "証明書は保存されましたが、キーストア (--pkcs12、--jks) は作られませんでした。書き込む内容が正しく読み戻せなかったためです。以前のキーストアはそのままです。",
	"please report it, with the type of the key; meanwhile: --pkcs12 '' or --jks '' with wildcard issue":                                                                          "鍵の種類を添えて報告してください。それまでは wildcard issue に --pkcs12 '' または --jks '' を付けてください",
	"The password of a key store cannot be used: some program that is to open it would not take it.":                                                                              "キーストアのパスワードが使えません。開けないプログラムがあります。",
	"put six or more letters and digits into the file, or remove it to have one made; then: wildcard deploy NAME":                                                                 "6 文字以上の英数字をファイルに書くか、ファイルを消して自動生成させてから: wildcard deploy 名前",

	// Key stores
	"it is shorter than %d characters, which keytool does not take":                                                      "%d 文字より短く、keytool が受け付けません",
	"it has other characters than those of ASCII, which programs read differently":                                       "ASCII 以外の文字があり、プログラムによって読み方が異なります",
	"the password of the key store is in %s":                                                                             "キーストアのパスワードは %s にあります",
	"--legacy is about --pkcs12":                                                                                         "--legacy は --pkcs12 と一緒に指定します",
	"--password-file is about --pkcs12 and --jks":                                                                        "--password-file は --pkcs12 か --jks と一緒に指定します",
	"%s is to be two files at once":                                                                                      "%s が二つのファイルに指定されています",
	"`FILE`: key store in PKCS #12, for Java, Windows and others":                                                        "`FILE`: PKCS #12 のキーストア (Java、Windows など)",
	"`FILE`: key store of Java's own form, for programs that know no other":                                              "`FILE`: Java 独自形式のキーストア (ほかの形式を読めないプログラム用)",
	"`FILE` with the password of both; made if it is not there (default: the key store's name with .password behind it)": "両方のパスワードの `FILE`。なければ作成 (既定: キーストアの名前に .password を付けたもの)",
	"encrypt --pkcs12 as Java before 8u301 and Windows before 2019 can read it":                                          "--pkcs12 を Java 8u301 より前や 2019 より前の Windows が読める方式で暗号化",
	"PKCS #12": "PKCS #12",
	"JKS":      "JKS",

	// Servers
	"it says %s":       "応答は %s です",
	"it offers no TLS": "TLS に対応していません",
	"it refuses to begin TLS, with result %d":                                          "TLS の開始を拒否しました (結果 %d)",
	"no certificate was sent":                                                          "証明書が送られてきませんでした",
	"no answer within %s":                                                              "%s 以内に応答がありません",
	"%s serves the certificate %s, valid until %s, in place of %s":                     "%s が提供している証明書は %s (期限 %s) で、%s ではありません",
	"%s serves the certificate %s, valid until %s; the live one is %s, valid until %s": "%s が提供している証明書は %s (期限 %s) ですが、最新のものは %s (期限 %s) です",
	"%s sends %s": "%s から送られてきたのは%s",

	// Deployments
	"%s serves the certificate of %s, after %s":                                                          "%s は %s の証明書を提供しています (%s)",
	"%s: the certificate that was not served is made live again":                                         "%s: 提供されなかった証明書をもう一度使います",
	"%s: the new certificate is not served, so the former one is made live again":                        "%s: 新しい証明書が提供されていないため、以前の証明書に戻します",
	"%s: the new certificate was not served where it should be, so the former one is live":               "%s: 新しい証明書が提供されなかったため、以前の証明書を使っています",
	"--rollback needs --verify: else nothing tells that the new certificate is not served":               "--rollback には --verify が必要です。なければ、新しい証明書が提供されていないことが分かりません",
	"a newer certificate is there, which was not served":                                                 "より新しい証明書がありますが、提供されませんでした",
	"its newer certificate was not served where it should be, so the former one is live":                 "新しい証明書が提供されなかったため、以前の証明書を使っています",
	"Servers keep the old certificate, and it is not renewed until its last day.":                        "サーバーは古い証明書のままで、期限の前日まで更新されません。",
	"its newer certificate was not served, so the former one is live":                                    "新しい証明書が提供されなかったため、以前の証明書を使っています",
	"its newer certificate was not served, so the former one is live: wildcard deploy %s tries it again": "新しい証明書が提供されなかったため、以前の証明書を使っています。再試行: wildcard deploy %s",

	// Command line
	"run again what follows a renewal: files, hooks, checks":                                                                                                                                           "更新後の処理 (ファイル、フック、--verify) をやり直す",
	"A certificate that was not served, and for which --rollback put the former one\nback, is made live again first.":                                                                                  "提供されず、--rollback で以前のものに戻した証明書は、まず使用中に戻します。",
	"`ADDRESS`, HOST[:PORT][,PROTOCOL], that has to serve the new certificate, else the renewal has failed; the protocol is smtp, imap, pop3, ldap, postgres or mysql; may be repeated; \"\" for none": "新しい証明書を提供すべき `ADDRESS` (HOST[:PORT][,PROTOCOL])。提供されなければ更新は失敗。プロトコルは smtp, imap, pop3, ldap, postgres, mysql。複数可。\"\" でなし",
	"put the former certificate back where --verify fails":                                                                                                                                             "--verify が失敗したら以前の証明書に戻す",
	"verify":   "提供の確認",
	"rollback": "復帰",
	"the former certificate, where the new one is not served": "新しい証明書が提供されなければ、以前のもの",
	"%s, in %s: served at %s: %s":                             "%s (%s): %s での提供: %s",
}
