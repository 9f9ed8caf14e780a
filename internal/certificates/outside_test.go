package certificates

import "testing"

func TestForeignVariable(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"systemctl reload nginx":                                    "",
		"systemctl reload $SERVICE":                                 "SERVICE",
		`cp "$RENEWED_LINEAGE/fullchain.pem" "$TARGET/"`:            "TARGET",
		`cp $RENEWED_LINEAGE/*.pem /etc/ssl; echo $RENEWED_DOMAINS`: "",
		"for d in $RENEWED_DOMAINS; do echo $d; done":               "",
		"T=/etc/ssl; cp x $T":                                       "",
		"T=/etc/ssl U=$V; cp x $T":                                  "V",
		"while read -r line; do echo $line; done":                   "",
		"echo ${PORT:-443} ${PORT-443} ${PORT:=1} ${PORT?no}":       "",
		"echo ${NAME%.*}":                                           "NAME",
		"echo ${#NAME}":                                             "NAME",
		"awk '{ print $NF }' x":                                     "",
		"sh -c 'echo $X'":                                           "X",
		`sh -c "echo \$X"`:                                          "X",
		`bash -ec 'for x in 1; do echo $x $Y; done'`:                "Y",
		`sh -c 'echo \$X "\$Y"' "$0"`:                               "",
		`sh -c "echo '$X'"`:                                         "X",
		"eval 'echo $X'":                                            "X",
		"echo ${NAME:2:3}":                                          "NAME",
		"echo ${!NAME}":                                             "NAME",
		"mail -s x $LOGNAME":                                        "",
		`echo \$X "\$Y"`:                                            "",
		`echo "it's $X"`:                                            "X",
		"kill $(cat /run/x.pid); echo $? $$ $1 $@":                  "",
		"echo $PATH $HOME":                                          "",
	} {
		if got := foreignVariable(command); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}

func TestStandsAlone_PartsOfScripts(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]bool{
		"systemctl reload nginx":                  true,
		"cp $RENEWED_LINEAGE/*.pem /etc/ssl":      true,
		"echo 'it is after' >> /tmp/x":            true,
		"if [ $? -eq 0 ]":                         false,
		`cat "$d/fullchain.pem" > /etc/haproxy/$`: false,
		"systemctl reload $SERVICE":               false,
		"X=1":                                     false,
		"cd /opt":                                 false,
		"for d in a b":                            false,
		"mail root <<EOF":                         false,
		"[ -f /run/x ]":                           false,
		"test $? = 0":                             false,
		"":                                        false,
	} {
		if got := StandsAlone(command); got != want {
			t.Errorf("%s: %v", command, got)
		}
	}
}
