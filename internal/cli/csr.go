package cli

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
)

// issueCSR obtains a certificate for a request that somebody else made. Nothing is kept but the file.
func (p *program) issueCSR(c *cli.Context) error {
	switch {
	case !c.IsSet("csr") || !c.IsSet("out"):
		return usage("--csr and --out belong together")
	case c.Args().Present():
		return usage("the names are those of the request: give none beside --csr")
	}
	for _, flag := range []string{"cert-name", "key-type", "reuse-key", "combined", "deploy-hook", "dry-run"} {
		if c.IsSet(flag) && (flag != "dry-run" || c.Bool(flag)) {
			return usage("--%s makes no sense with --csr", flag)
		}
	}
	der, names, err := readCSR(c.String("csr"))
	if err != nil {
		return err
	}
	out, err := absolute("--out", c.String("out"))
	if err != nil {
		return err
	}
	if info, err := os.Stat(filepath.Dir(out)); err != nil || !info.IsDir() {
		return fault.Errorf(codeOutput, fault.Misconfigured, "--out %s: there is no such folder", out)
	}
	e, err := p.engine(c)
	if err != nil {
		return err
	}
	defer e.close()
	digest := sha256.Sum256(der)
	o := &order{
		name: "csr-" + hex.EncodeToString(digest[:8]), names: names, csr: der, force: true, again: c.Bool("force"), mayRegister: true,
		registration: e.registration(c), observe: e.observe("csr"),
	}
	if err := e.issueSettings(c, o); err != nil {
		return err
	}
	lock, err := e.store.LockOrder(o.name)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	e.sweepFor(c.Context, []lineage.Settings{o.settings}, o.names...)
	defer e.sweepFor(c.Context, []lineage.Settings{o.settings}) // what was not taken over
	got, err := e.obtain(c.Context, o)
	e.display.Close()
	if err != nil {
		return err
	}
	if err := output("--out", out, got.Chain); err != nil {
		return fault.Errorf(codeOutput, fault.Failed, "%w (the next run with this request takes the certificate up again)", err)
	}
	if err := errors.Join(e.state.RemovePending(o.name), e.state.RemoveRefused(o.name)); err != nil {
		e.log.Warn("forgetting an order", "error", err)
	}
	return e.reportCSR(out, got)
}

// readCSR reads a certificate signing request, PEM or DER, and the names it is for.
func readCSR(path string) (der []byte, names []string, err error) {
	bad := func(format string, args ...any) ([]byte, []string, error) {
		return nil, nil, fault.Errorf(codeCSR, fault.Usage, "--csr "+format, args...)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return bad("%w", err)
	}
	der = text
	if block, _ := pem.Decode(text); block != nil {
		if !strings.HasSuffix(block.Type, "CERTIFICATE REQUEST") {
			return bad("%s: holds a %s", path, fault.Excerpt(block.Type))
		}
		der = block.Bytes
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return bad("%s: not a certificate signing request", path)
	}
	if err := csr.CheckSignature(); err != nil {
		return bad("%s: its signature is not that of its key", path)
	}
	if len(csr.IPAddresses)+len(csr.EmailAddresses)+len(csr.URIs) > 0 {
		return bad("%s: asks for more than DNS names", path)
	}
	names = csr.DNSNames
	if len(names) == 0 && csr.Subject.CommonName != "" {
		names = []string{csr.Subject.CommonName}
	}
	if names, err = issuance.ParseNames(names); err != nil {
		return bad("%s: %w", path, err)
	}
	return der, names, nil
}
