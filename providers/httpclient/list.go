package httpclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"wildcard/providers"
)

// What one listing may take in all, over all its pages.
const (
	MostItems    = 20_000
	mostPages    = 1000
	mostListed   = 16 << 20 // bytes of replies
	listingLimit = 3 * time.Minute
)

// List is a list in a reply of JSON. It is decoded item by item, and no further than [MostItems].
type List[T any] struct {
	Items []T
	There bool // there was a list, perhaps an empty one
}

// UnmarshalJSON implements [json.Unmarshaler].
func (l *List[T]) UnmarshalJSON(text []byte) error {
	*l = List[T]{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	begin, err := decoder.Token()
	if err != nil || begin != json.Delim('[') {
		return err // null, or what is no list: none is there
	}
	for decoder.More() {
		if len(l.Items) == MostItems {
			return tooLong("%d items and more", MostItems)
		}
		var item T
		if err := decoder.Decode(&item); err != nil {
			return err
		}
		l.Items = append(l.Items, item)
	}
	l.There = true
	return nil
}

// Listing is one list that a service gives, in one reply or in many: bounded in all, since pages that are bounded each can be endless.
type Listing struct {
	bytes, items, pages int
}

// NewListing begins a listing. What is asked for it ends with the context, and cancel must be called.
func NewListing(ctx context.Context) (l *Listing, limited context.Context, cancel context.CancelFunc) {
	limited, cancel = context.WithTimeoutCause(ctx, listingLimit,
		providers.Errorf(providers.CodeService, providers.Failed, "the list does not end within %v", listingLimit))
	return &Listing{}, limited, cancel
}

// Page counts a reply of so many bytes with so many items. The error says what there is too much of.
func (l *Listing) Page(size, items int) error {
	l.bytes, l.items, l.pages = l.bytes+size, l.items+items, l.pages+1
	switch {
	case l.items > MostItems:
		return tooLong("%d items and more", MostItems)
	case l.bytes > mostListed:
		return tooLong("more than %d MiB", mostListed>>20)
	case l.pages >= mostPages:
		return tooLong("%d pages and more", mostPages)
	}
	return nil
}

func tooLong(format string, args ...any) error {
	return providers.Errorf(providers.CodeService, providers.Failed, "the list does not end: %s",
		fmt.Sprintf(format, args...))
}
