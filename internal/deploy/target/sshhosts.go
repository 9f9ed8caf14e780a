package target

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

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
// able to change them; those that are not named and that one can change are passed over, as under a sudo that keeps HOME.
func knownFiles(o *Opener, named string) ([]string, error) {
	places := []string{named}
	if named == "" {
		places = usualPlaces(environ.Get(o.Environ, "HOME"), user.LookupId)
	}
	var all []string
	for _, path := range places {
		found, err := safepath.Look(path, safepath.File)
		switch {
		case err == nil:
			all = append(all, found.Path)
		case named != "":
			return nil, fault.Errorf(fault.CodeUnsafeFile, fault.Misconfigured, "known_hosts: %w", err)
		case !errors.Is(err, fs.ErrNotExist):
			o.logger().Warn("known_hosts is passed over", "path", path, "error", err)
		}
	}
	return all, nil
}

// usualPlaces are those of ssh(1). Without a HOME, as in a unit of systemd's, the home directory is that of the user whom we run as.
func usualPlaces(home string, lookup func(uid string) (*user.User, error)) []string {
	if !filepath.IsAbs(home) {
		home = ""
		if own, err := lookup(strconv.Itoa(os.Geteuid())); err == nil {
			home = own.HomeDir
		}
	}
	places := []string{"/etc/ssh/ssh_known_hosts"}
	if filepath.IsAbs(home) {
		places = append([]string{filepath.Join(home, ".ssh", "known_hosts")}, places...)
	}
	return places
}

// readKnown reads the keys of machines. A line that cannot be read is passed over, as ssh(1) does. authority is whether a key is one that
// signs those of machines.
func readKnown(files []string) (known ssh.HostKeyCallback, authority func(knownhosts.KnownKey) bool, err error) {
	var lines []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		lines = append(lines, strings.Split(string(text), "\n")...)
	}
	known, err = parseKnown(lines)
	if err != nil {
		lines = slices.DeleteFunc(lines, func(line string) bool { _, err := parseKnown([]string{line}); return err != nil })
		if known, err = parseKnown(lines); err != nil {
			return nil, nil, err
		}
	}
	return known, func(key knownhosts.KnownKey) bool {
		return strings.HasPrefix(strings.TrimSpace(lines[key.Line-1]), "@cert-authority")
	}, nil
}

// parseKnown hands lines to the package's reader, which takes files alone: it reads them from a pipe.
func parseKnown(lines []string) (ssh.HostKeyCallback, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	var group sync.WaitGroup
	group.Go(func() { _, _ = io.WriteString(w, strings.Join(lines, "\n")); _ = w.Close() })
	known, err := knownhosts.New(fmt.Sprintf("/proc/self/fd/%d", r.Fd()))
	_ = r.Close() // the writer ends now, whether all was read or not
	group.Wait()
	return known, err
}

// knownHosts reads what is known of a machine. One of which nothing is known is refused before it is spoken to.
func knownHosts(files []string, address string) (*hosts, error) {
	known, authority, err := readKnown(files)
	if err != nil {
		return nil, fault.Errorf(CodeHostKey, fault.Misconfigured, "known_hosts: %w", err)
	}
	h := &hosts{known: known}
	unlike, err := ssh.NewPublicKey(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)))
	if err != nil {
		return nil, err
	}
	if wrong, ok := errors.AsType[*knownhosts.KeyError](known(address, &net.TCPAddr{}, unlike)); ok {
		h.algorithms = algorithms(wrong.Want, authority)
	}
	if len(h.algorithms) == 0 {
		host, port, _ := net.SplitHostPort(address)
		return nil, fault.Errorf(CodeHostKey, fault.Misconfigured, "%w", messages.New("the key of %s is not known", address)).
			Advise("compare the key with that of the machine, then write it into known_hosts: %s",
				"ssh-keyscan -p "+port+" "+subprocess.Quote(host))
	}
	return h, nil
}

// algorithms are those of keys, so that the machine shows one of them. A machine that is known by who signs its key may have one of any kind;
// where its own is known as well, that comes first, as it may have no signed one.
func algorithms(want []knownhosts.KnownKey, authority func(knownhosts.KnownKey) bool) (all []string) {
	signed := false
	for _, key := range want {
		switch kind := key.Key.Type(); {
		case authority(key):
			signed = true
		case kind == ssh.KeyAlgoRSA:
			all = append(all, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		default:
			all = append(all, kind)
		}
	}
	if signed {
		all = append(all, ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
			ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01)
	}
	return all
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
