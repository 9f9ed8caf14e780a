package conoha

import (
	"fmt"
	"strings"

	"wildcard/providers"
)

// handle names a record: both ids are UUIDs, so it is one line of printable ASCII.
func handle(zoneID, recordID string) providers.Handle {
	return providers.Handle(zoneID + "/" + recordID)
}

// parseHandle takes a handle apart. ok is false for an empty one, and for one that handle did not make.
func parseHandle(h providers.Handle) (zoneID, recordID string, ok bool) {
	zoneID, recordID, ok = strings.Cut(string(h), "/")
	ok = ok && uuidForm.MatchString(zoneID) && uuidForm.MatchString(recordID)
	return zoneID, recordID, ok
}

// failed says what could not be done; err keeps its code and class. A nil err stays nil.
func failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "conoha: %s: %w", fmt.Sprintf(format, args...),
		err)
}
