package notify

import (
	"context"
	"errors"
	"mime"
	"mime/quotedprintable"
	"os"
	"regexp"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// addressForm is what addresses look like here: those of RFC 5321 without quotes and comments, and local names alone. None
// begins with a hyphen.
var addressForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+=-]{0,63}(@[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)?$`)

// mailChannel hands mail to sendmail, as every mail server has one.
type mailChannel struct {
	to      []string
	options Options
}

func newMail(list string, o Options) (Channel, error) {
	c := mailChannel{options: o}
	for address := range strings.SplitSeq(list, ",") {
		if !addressForm.MatchString(address) {
			return nil, invalid("mailto:%s: not a mail address", fault.Excerpt(address))
		}
		c.to = append(c.to, address)
	}
	return c, nil
}

func (c mailChannel) String() string { return "mailto:" + strings.Join(c.to, ",") }

func (c mailChannel) Send(ctx context.Context, m Message) error {
	path := c.options.Sendmail
	for _, usual := range []string{"/usr/sbin/sendmail", "/usr/lib/sendmail"} {
		if _, err := os.Stat(usual); path == "" && err == nil {
			path = usual
		}
	}
	if path == "" {
		return errors.New("there is no /usr/sbin/sendmail: a mail server, or msmtp-mta, brings it")
	}
	text, err := c.compose(m)
	if err != nil {
		return err
	}
	// "-i": a line with a single dot does not end the message.
	return run(ctx, c.options, mailLimit, text, path, append([]string{"-i", "--"}, c.to...)...)
}

// compose writes a mail (RFC 5322, 2045); sendmail adds From, Message-ID and the like.
func (c mailChannel) compose(m Message) ([]byte, error) {
	var b strings.Builder
	for _, header := range [][2]string{
		{"To", strings.Join(c.to, ",\n ")},
		{"Subject", foldable(mime.QEncoding.Encode("utf-8", messages.OneLine(m.Subject)))},
		{"Date", m.Time.Format(time.RFC1123Z)},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834: no out-of-office replies
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		b.WriteString(header[0] + ": " + header[1] + "\n")
	}
	b.WriteString("\n")
	body := quotedprintable.NewWriter(&b)
	if _, err := body.Write([]byte(m.Text)); err != nil {
		return nil, err
	}
	if err := body.Close(); err != nil {
		return nil, err
	}
	// sendmail takes the line ends of this system, as from every program.
	return []byte(strings.ReplaceAll(b.String(), "\r\n", "\n")), nil
}

// foldable has each encoded word on a line of its own, since lines of a header are short (RFC 2047 §2).
func foldable(header string) string {
	if strings.HasPrefix(header, "=?") {
		header = "\n " + header
	}
	return strings.ReplaceAll(header, "?= =?", "?=\n =?")
}
