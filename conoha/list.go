package conoha

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

const pageSize = 100

// list fetches a collection: whole in Ver.2.0, page by page in Ver.3.0, where the service may send fewer items than asked
// for, so that only their number says where the next page begins (§3.3). A list that changes between two pages is begun
// anew, since an item may have slipped from one to the other.
func (c *client) list(ctx context.Context, path, member string) ([]item, error) {
	const mostRestarts = 3
	_, limited, cancel := httpclient.NewListing(ctx)
	defer cancel()
	for restart := 0; ; restart++ {
		items, changed, err := c.listOnce(limited, path, member)
		if ctx.Err() == nil && limited.Err() != nil {
			return nil, context.Cause(limited)
		}
		if err != nil || !changed || restart == mostRestarts {
			return items, err
		}
	}
}

func (c *client) listOnce(ctx context.Context, path, member string) (items []item, changed bool, err error) {
	listing := new(httpclient.Listing)
	seen := map[item]bool{}
	received, firstTotal := 0, 0
	for page := 0; ; page++ {
		at := path
		if c.paged {
			at += "?limit=" + strconv.Itoa(pageSize) + "&offset=" + strconv.Itoa(received)
		}
		r, err := c.repeat(ctx, http.MethodGet, at)
		if err != nil {
			return nil, false, err
		}
		if r.Status != http.StatusOK {
			return nil, false, c.http.Refusal(r)
		}
		batch, total, err := parseList(r, member)
		if err != nil {
			return nil, false, err
		}
		if err := listing.Page(len(r.Body), len(batch)); err != nil {
			return nil, false, err
		}
		if page == 0 {
			firstTotal = total
		}
		changed = changed || total != firstTotal && total > 0
		known := len(items)
		for _, it := range batch {
			if !seen[it] {
				seen[it] = true
				items = append(items, it)
			}
		}
		received += len(batch)
		switch {
		case !c.paged, len(batch) == 0, total > 0 && len(items) >= total:
			return items, changed, nil
		case len(items) == known && known < total:
			return nil, false, failedService("the service repeats the first %d of %d %s", known, total, member)
		case len(items) == known:
			return items, changed, nil
		}
	}
}

// parseList reads {"member": […], "total_count": N}. The member must be there: nothing found where nothing was said would
// pass for "deleted already".
func parseList(r httpclient.Reply, member string) (items []item, total int, err error) {
	bad := func(why string) ([]item, int, error) {
		return nil, 0, failedService("200 with %s in place of a list of %s", why, member)
	}
	if r.Cut != nil {
		return bad("a body that cannot be read (" + r.Cut.Error() + ")")
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(r.Body, &members) != nil {
		return bad("something else than a JSON object")
	}
	var list httpclient.List[item]
	err = json.Unmarshal(members[member], &list)
	switch {
	case providers.CodeOf(err) != "":
		return nil, 0, err
	case err != nil || !list.There:
		return bad("other JSON")
	}
	total, _ = strconv.Atoi(strings.Trim(string(members["total_count"]), `"`))
	return list.Items, total, nil
}
