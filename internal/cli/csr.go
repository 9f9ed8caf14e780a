package cli

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
)

// runIssueCSR obtains a certificate for a request made elsewhere. Nothing is kept but the file.
func runIssueCSR(p *program, c *cli.Context) error {
	switch {
	case !c.IsSet("csr") || !c.IsSet("out"):
		return usage("--csr and --out belong together")
	case c.Args().Present():
		return usage("the names are those of the request: give none beside --csr")
	}
	for _, flag := range []string{"cert-name", "key-type", "reuse-key", "combined", "pkcs12", "jks", "password-file",
		"legacy", "deploy-hook", "target", "verify", "rollback", "dry-run"} {
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
	request := certificates.Request{CSR: der, Names: names}
	if err := p.fill(c, &request); err != nil {
		return err
	}
	m, err := p.machine(c)
	if err != nil {
		return err
	}
	defer m.close()
	got, err := m.manager.Obtain(c.Context, request)
	m.display.Close()
	if err != nil {
		return err
	}
	if err := output("--out", out, got.Chain); err != nil {
		return fault.Errorf(codeOutput, fault.Failed, "%w (the next run with this request takes the certificate up again)",
			err)
	}
	m.manager.Delivered(der)
	return reportCSR(m, out, got)
}

// readCSR reads a certificate signing request, PEM or DER, and the names it is for.
func readCSR(path string) (der []byte, names []string, err error) {
	bad := func(format string, args ...any) ([]byte, []string, error) {
		return nil, nil, fault.Errorf(certificates.CodeCSR, fault.Usage, "--csr "+format, args...)
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
