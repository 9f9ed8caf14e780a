package conohatest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// listed is an item of a list, with what it can be sorted by.
type listed struct {
	name             string
	created, updated time.Time
	json             any
}

// list answers with all items in Ver.2.0, which has no paging, and with a page of them in Ver.3.0 (§3.3).
func (e *endpoint) list(c call, member string, items []listed) (reply, *refusal) {
	total := len(items)
	if e.version == 3 {
		var refused *refusal
		if items, refused = e.page(c, items); refused != nil {
			return reply{}, refused
		}
	}
	out := make([]any, len(items))
	for i, it := range items {
		out[i] = it.json
	}
	body := map[string]any{member: out}
	if e.version == 3 && !e.Service.switches.OmitTotalCount {
		body["total_count"] = total
	}
	return jsonReply(http.StatusOK, body), nil
}

func (e *endpoint) page(c call, items []listed) ([]listed, *refusal) {
	refuse := func(text string) ([]listed, *refusal) {
		return nil, &refusal{http.StatusBadRequest, "bad_request", "", text}
	}
	query := c.URL.Query()
	limit, offset := cmp.Or(e.Service.switches.V3DefaultLimit, 1000), 0
	if query.Has("limit") {
		var err error
		if limit, err = strconv.Atoi(query.Get("limit")); err != nil || limit < 1 {
			return refuse("limit is not a positive integer")
		}
	}
	if query.Has("offset") {
		var err error
		if offset, err = strconv.Atoi(query.Get("offset")); err != nil || offset < 0 {
			return refuse("offset is not an integer of 0 or more")
		}
		if !query.Has("limit") {
			return refuse("offset without limit")
		}
	}
	var order func(a, b listed) int
	switch query.Get("sort_key") {
	case "": // the order of creation
	case "name":
		order = func(a, b listed) int { return strings.Compare(a.name, b.name) }
	case "created_at":
		order = func(a, b listed) int { return a.created.Compare(b.created) }
	case "updated_at":
		order = func(a, b listed) int { return a.updated.Compare(b.updated) }
	default:
		return refuse("unknown sort_key")
	}
	if order != nil {
		slices.SortStableFunc(items, order)
	}
	switch query.Get("sort_type") {
	case "", "asc":
	case "desc":
		slices.Reverse(items)
	default:
		return refuse("sort_type is neither asc nor desc")
	}
	if e.Service.switches.V3PageCap > 0 {
		limit = min(limit, e.Service.switches.V3PageCap)
	}
	items = items[min(offset, len(items)):]
	return items[:min(limit, len(items))], nil
}
