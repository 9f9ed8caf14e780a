package cli

import (
	"bufio"
	"testing"
)

// A person who has not answered yet keeps no other run waiting: the order lock is not held meanwhile.
func TestConfirm_NoAnswer(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"release", "delete", "revoke"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.issue("*.example.com")
			screen, program := terminal(t)
			asked := w.command(command, "example.com")
			asked.Stdin, asked.Stderr = program, program
			if err := asked.Start(); err != nil {
				t.Fatal(err)
			}
			question := bufio.NewReader(screen)
			if _, err := question.ReadString(']'); err != nil { // [y/N]
				t.Fatal(err)
			}
			w.run("renew", "--force", "--no-jitter", "--cert-name", "example.com").exits(0)
			if _, err := screen.WriteString("n\n"); err != nil {
				t.Fatal(err)
			}
			asked.end().exits(1)
			w.orders(2)
		})
	}
}
