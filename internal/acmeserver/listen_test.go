package acmeserver_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"testing"

	"wildcard/internal/acmeserver"
)

// TestServe_FewStreams has the server say in its first frame (RFC 9113 §6.5) how many requests a connection may have under way.
func TestServe_FewStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var sockets net.ListenConfig
	listener, err := sockets.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- acmeserver.Serve(ctx, listener, http.NotFoundHandler(), &tls.Config{Certificates: w.http.TLS.Certificates})
	}()
	defer func() { stop(); <-ended }()
	client := w.http.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.NextProtos = []string{"h2"}
	conn, err := (&tls.Dialer{Config: client}).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 9)
	if _, err := io.ReadFull(conn, head); err != nil || head[3] != 4 { // SETTINGS
		t.Fatal(head, err)
	}
	settings := make([]byte, int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(conn, settings); err != nil {
		t.Fatal(err)
	}
	streams := uint32(0)
	for ; len(settings) >= 6; settings = settings[6:] {
		if binary.BigEndian.Uint16(settings) == 3 { // SETTINGS_MAX_CONCURRENT_STREAMS
			streams = binary.BigEndian.Uint32(settings[2:])
		}
	}
	if streams != 16 {
		t.Errorf("%d streams", streams)
	}
}
