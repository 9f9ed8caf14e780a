package conoha

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// item is a zone or a record as both generations send them (§3.2, §3.4); the other fields do not matter here.
type item struct {
	ID   string `json:"id"`   // Ver.2.0, and Ver.3.0 by its OpenAPI file
	UUID string `json:"uuid"` // Ver.3.0
	Name string `json:"name"`
	Type string `json:"type"` // records only, like Data
	Data string `json:"data"`
}

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}$`)

// id returns the id, if it is one that may stand in a path: an empty one would turn the deletion of a record into a call
// on all of them.
func (i item) id() (string, error) {
	id := cmp.Or(i.UUID, i.ID)
	if !uuidForm.MatchString(id) {
		return "", failedService("the service gave %s the id %s, which is no UUID",
			providers.Excerpt(i.Name), providers.Excerpt(id))
	}
	return id, nil
}

// holds reports whether a record is the TXT record of a value: names are compared without case and trailing dot, data
// exactly, but for one pair of quotes around it (§7.C.7).
func (i item) holds(fqdn, value string) bool {
	data := i.Data
	if len(data) >= 2 && data[0] == '"' && data[len(data)-1] == '"' {
		data = data[1 : len(data)-1]
	}
	return strings.EqualFold(i.Type, "TXT") && providers.CanonicalName(i.Name) == fqdn && data == value
}

// recordsPath is the path of a zone's records. Both ids are UUIDs by now; escaping them is a second lock on the same door.
func recordsPath(zoneID string) string {
	return "/v1/domains/" + url.PathEscape(zoneID) + "/records"
}

// find returns the ids of the TXT records of a value. It may return some and an error about another.
func (c *client) find(ctx context.Context, zoneID, fqdn, value string) (ids []string, err error) {
	records, err := c.list(ctx, recordsPath(zoneID), "records")
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		if !record.holds(fqdn, value) {
			continue
		}
		if id, badID := record.id(); badID == nil {
			ids = append(ids, id)
		} else {
			err = badID
		}
	}
	return ids, err
}

// create makes the TXT record of a value and returns its id. look says that an earlier attempt may have made it already.
func (c *client) create(ctx context.Context, zoneID, fqdn, value string, ttl int, look bool) (string, error) {
	if look {
		ids, err := c.find(ctx, zoneID, fqdn, value)
		if len(ids) > 0 {
			return ids[0], nil
		}
		if err != nil {
			return "", err
		}
	}
	payload := struct {
		Name string `json:"name"`
		Type string `json:"type"`
		Data string `json:"data"`
		TTL  int    `json:"ttl"`
	}{fqdn, "TXT", value, ttl}
	for try := 1; ; try++ {
		r, err := c.send(ctx, http.MethodPost, recordsPath(zoneID), payload)
		id := createdID(r, fqdn, value)
		if err == nil && id != "" {
			if try > 1 {
				c.removeDuplicates(ctx, zoneID, fqdn, value, id)
			}
			return id, nil
		}
		err, unclear := c.createFailure(ctx, r, err, try == 1 && !look)
		if !unclear {
			return "", err
		}
		// It is not known yet whether the record is there: no reply, a timeout behind the scenes, "duplicate", a success
		// without an id. The wait before looking gives a write that is under way the time to arrive.
		again := try < httpclient.Tries && (r.Status == 0 || httpclient.Transient(r.Status))
		if again && !c.http.Wait(ctx, try, err) {
			if ctx.Err() != nil {
				err = httpclient.Unavailable(ctx.Err())
			}
			return "", err
		}
		ids, lookErr := c.find(ctx, zoneID, fqdn, value)
		switch {
		case len(ids) > 0:
			return ids[0], nil
		case lookErr != nil &&
			(ctx.Err() != nil || httpclient.StatusOf(lookErr) == 0 || httpclient.StatusOf(lookErr) != r.Status):
			return "", providers.Errorf(providers.CodeOf(lookErr), providers.ClassOf(lookErr), "%w; looking for it: %w", err, lookErr)
		case lookErr != nil || !again:
			return "", err
		}
	}
}

// createFailure says why a creation has not plainly succeeded, and whether the record may be there all the same. first says that none
// was tried before, so that a refusal is final.
func (c *client) createFailure(ctx context.Context, r httpclient.Reply, err error, first bool) (_ error, unclear bool) {
	if err != nil {
		if first && providers.CodeOf(err) == providers.CodeCredentials {
			err = providers.Unmade(err) // not let in
		}
		_, lost := errors.AsType[*httpclient.LostError](err)
		return err, lost && ctx.Err() == nil
	}
	if created(r.Status) {
		return failedService("%d without a usable id, and the record is not in the zone", r.Status), true
	}
	err = c.http.Refusal(r)
	if first && (refusesToken(r.Status) || refusesContent(r.Status) && r.Status != http.StatusConflict) {
		err = providers.Unmade(err)
	}
	return err, r.Status >= 400 && r.Status != http.StatusUnauthorized
}

func created(status int) bool {
	return status == http.StatusOK || status == http.StatusCreated || status == http.StatusAccepted
}

// createdID returns the id in the reply to a creation, or "" if there is none to rely on.
func createdID(r httpclient.Reply, fqdn, value string) string {
	var record item
	if !created(r.Status) || r.Cut != nil || json.Unmarshal(r.Body, &record) != nil || !record.holds(fqdn, value) {
		return ""
	}
	id, _ := record.id()
	return id
}

// removeDuplicates deletes what an earlier POST made after all, when a later one has made the record id: Ver.3.0 may accept
// both (§3.5). Without success the duplicate stays until a CleanUp with an empty handle.
func (c *client) removeDuplicates(ctx context.Context, zoneID, fqdn, value, id string) {
	ids, err := c.find(ctx, zoneID, fqdn, value)
	for _, other := range ids {
		if other != id {
			_, deleteErr := c.delete(ctx, zoneID, other)
			err = errors.Join(err, deleteErr)
		}
	}
	if err != nil {
		c.log.Warn("conoha: a second record of the same value may be left", "fqdn", fqdn, "error", err)
	}
}

// delete deletes a record by id. there is false if the service does not know it.
func (c *client) delete(ctx context.Context, zoneID, id string) (there bool, err error) {
	r, err := c.repeat(ctx, http.MethodDelete, recordsPath(zoneID)+"/"+url.PathEscape(id))
	if err != nil {
		return false, err
	}
	switch r.Status {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return true, nil
	case http.StatusNotFound:
		return false, nil
	}
	err = c.http.Refusal(r)
	if !refusesContent(r.Status) {
		return false, err
	}
	// Some other 4xx may be how a generation says "not found" (§3.7 knows next to nothing of Ver.3.0).
	records, listErr := c.list(ctx, recordsPath(zoneID), "records")
	if listErr != nil || slices.ContainsFunc(records,
		func(record item) bool { return cmp.Or(record.UUID, record.ID) == id }) {
		return false, err
	}
	return true, nil
}
