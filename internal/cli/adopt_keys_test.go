package cli

import (
	"strings"
	"testing"

	"wildcard/internal/certificates"
)

// TestAdopt_KeysOfCertbot names each key of a .conf with what becomes of it, and refuses what is not done here by its name; the
// file stays as it was, and a dry run says the same.
func TestAdopt_KeysOfCertbot(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lines string // of [renewalparams]
		exit  int
		said  []string
		keys  map[string]certificates.Becomes
	}{
		"of today": {"webroot_path = /var/www,\nhttp01_port = 8080\nwork_dir = /srv/w\nmust_staple = False\nfuture_option = 1\n[[webroot_map]]\nexample.com = /var/www\n", 0,
			[]string{"not used until it is released: ", " webroot_path http01_port work_dir webroot_map\n", "not known here, and without effect: future_option\n", "done by settings of ours: pref_challs authenticator"},
			map[string]certificates.Becomes{"webroot_map": "not used", "must_staple": "kept", "future_option": "unknown", "version": "kept", "authenticator": "carried over"}},
		"of 0.4":    {"verbose_count = -3\nfunc = <function obtain_cert at 0x7f>\nrenew_by_default = True\nmust_staple = None\n", 0, []string{"ignored by today's certbot as well: verbose_count func renew_by_default\n"}, map[string]certificates.Becomes{"uir": "", "func": "ignored"}},
		"not to be": {"autorenew = False\n", 0, []string{"certbot was told not to renew example.com"}, nil},
		"stapling":  {"must_staple = true\n", 78, []string{`its must_staple is "true"`, "adopt.impossible"}, nil},
		"a subset":  {"allow_subset_of_names = True\n", 78, []string{`its allow_subset_of_names is "True"`, "adopt.impossible"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			conf := w.ofCertbot("example.com", "[renewalparams]\n", "[renewalparams]\n"+strings.Split(test.lines, "[[")[0])
			if _, nested, ok := strings.Cut(test.lines, "[["); ok {
				w.rewrite(conf, w.read(conf)+"[["+nested)
			}
			before := w.read(conf)
			w.run("adopt", "--dry-run", "example.com").exits(test.exit, test.said...)
			if got := w.read(conf); got != before {
				t.Errorf("changed by a dry run:\n%s", got)
			}
			w.run("adopt", "--yes", "example.com").exits(test.exit, test.said...)
			if test.exit != 0 && w.read(conf) != before {
				t.Errorf("changed although it is refused:\n%s", w.read(conf))
			}
			if test.keys == nil {
				return
			}
			w.run("release", "--yes", "example.com").exits(0)
			got := map[string]certificates.Becomes{}
			for _, key := range answerOf[adoptAnswer](w.run("adopt", "--dry-run", "--json", "example.com").exits(0)).Keys {
				got[key.Key] = key.Becomes
			}
			for key, want := range test.keys {
				if got[key] != want {
					t.Errorf("%s: %q, want %q", key, got[key], want)
				}
			}
		})
	}
}

// TestAdopt_KeyTypes refuses kinds of keys that are not made here, and takes those that are, however certbot spells them.
func TestAdopt_KeyTypes(t *testing.T) {
	t.Parallel()
	for lines, exit := range map[string]int{
		"key_type = ecdsa\nelliptic_curve = secp521r1\n":                      78,
		"key_type = rsa\nrsa_key_size = 8192\n":                               78,
		"rsa_key_size = 2432\n":                                               78,
		"key_type = ed25519\n":                                                78,
		"key_type = ecdsa\nelliptic_curve = SECP384R1\nrsa_key_size = 8192\n": 0,
		"key_type = rsa\nrsa_key_size = 4096\nelliptic_curve = secp521r1\n":   0,
		"rsa_key_size = 3072\n":                                               0,
		"key_type = ecdsa\nelliptic_curve = SECP256R1\nreuse_key = TRUE\n":    0,
		"key_type = ecdsa\nelliptic_curve = None\nrsa_key_size = None\n":      0,
	} {
		t.Run(strings.ReplaceAll(lines, "\n", ";"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ofCertbot("example.com", "key_type = ecdsa\nelliptic_curve = secp256r1\n", lines)
			got := w.run("adopt", "--dry-run", "example.com").exits(exit)
			if exit != 0 {
				got.exits(exit, "such keys are not made here", "adopt.impossible")
				return
			}
			want := map[string]string{"SECP384R1": "ecdsa-p384", "4096": "rsa-4096", "3072": "rsa-3072", "SECP256R1": "ecdsa-p256", "None": "ecdsa-p256"}
			a := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0))
			for word, kind := range want {
				if strings.Contains(lines, word) && a.KeyType != kind || strings.Contains(lines, "TRUE") != a.ReuseKey {
					t.Errorf("%s, kept %v", a.KeyType, a.ReuseKey)
				}
			}
		})
	}
}
