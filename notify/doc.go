// Package notify tells people of renewals that go wrong.
package notify
