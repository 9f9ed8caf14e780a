package target

import (
	"crypto/ed25519"
	"errors"
	"io/fs"
	"net"
	"path/filepath"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/system/environ"
	"wildcard/internal/system/safepath"
	"wildcard/internal/system/subprocess"
)

// hosts are the keys that a machine may have.
type hosts struct {
	known      ssh.HostKeyCallback
	algorithms []string // of the keys that are known, so that the machine shows one of these
	refused    error    // why the key that it showed is not taken
}

// knownFiles are the files with the keys of machines: one that is named, else those of ssh(1) that are there. Another user must not be
// able to change them.
func knownFiles(o *Opener, named string) ([]string, error) {
	places := []string{named}
	if named == "" {
		places = []string{filepath.Join(environ.Get(o.Environ, "HOME"), ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"}
	}
	var all []string
	for _, path := range places {
		found, err := safepath.Look(path, safepath.File)
		switch {
		case err == nil:
			all = append(all, found.Path)
		case named != "" || !errors.Is(err, fs.ErrNotExist):
			return nil, fault.Errorf(fault.CodeUnsafeFile, fault.Misconfigured, "known_hosts: %w", err)
		}
	}
	return all, nil
}

// knownHosts reads what is known of a machine. One of which nothing is known is refused before it is spoken to.
func knownHosts(files []string, address string) (*hosts, error) {
	known, err := knownhosts.New(files...)
	if err != nil {
		return nil, fault.Errorf(CodeHostKey, fault.Misconfigured, "known_hosts: %w", err)
	}
	h := &hosts{known: known}
	unlike, err := ssh.NewPublicKey(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)))
	if err != nil {
		return nil, err
	}
	if wrong, ok := errors.AsType[*knownhosts.KeyError](known(address, &net.TCPAddr{}, unlike)); ok {
		for _, key := range wrong.Want {
			if kind := key.Key.Type(); kind == ssh.KeyAlgoRSA {
				h.algorithms = append(h.algorithms, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			} else {
				h.algorithms = append(h.algorithms, kind)
			}
		}
	}
	if len(h.algorithms) == 0 {
		host, port, _ := net.SplitHostPort(address)
		return nil, fault.Errorf(CodeHostKey, fault.Misconfigured, "%w", messages.New("the key of %s is not known", address)).
			Advise("compare the key with that of the machine, then write it into known_hosts: %s",
				"ssh-keyscan -p "+port+" "+subprocess.Quote(host))
	}
	return h, nil
}

// check judges the key that a machine shows.
func (h *hosts) check(address string, remote net.Addr, key ssh.PublicKey) error {
	err := h.known(address, remote, key)
	switch _, revoked := errors.AsType[*knownhosts.RevokedError](err); {
	case err == nil:
		return nil
	case revoked:
		h.refused = fault.Errorf(CodeHostKey, fault.Misconfigured, "%w",
			messages.New("the key of %s (%s) is revoked in known_hosts", address, ssh.FingerprintSHA256(key)))
	default:
		h.refused = fault.Errorf(CodeHostKey, fault.Misconfigured, "%w",
			messages.New("the key of %s has changed: it shows %s, which is not known", address, ssh.FingerprintSHA256(key)))
	}
	return h.refused
}
