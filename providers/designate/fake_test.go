package designate

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"wildcard/providers"
)

// fake is a strict Keystone (v3) and Designate (v2) on one socket, as the real ones answer in e2e_openstack_test.go: record
// sets of which there is one a name and type, lists in pages, requests of another form refused.
type fake struct {
	t   testing.TB
	url string

	mu      sync.Mutex
	tokens  map[string]bool
	zones   []fakeZone
	sets    []*fakeSet
	asked   []string
	meet    func(r *http.Request) *fault
	catalog string // endpoint of the service dns
}

type fakeZone struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

type fakeSet struct {
	ID      string   `json:"id"`
	ZoneID  string   `json:"zone_id"`
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Records []string `json:"records"`
	TTL     *int     `json:"ttl"`
	Action  string   `json:"action"`
	Status  string   `json:"status"`
}

// fault is what becomes of one request.
type fault struct {
	hang   chan struct{} // the request is not answered before this is closed
	lose   bool          // carried out, and the connection cut
	status int           // answered so, and not carried out
	body   string
	before func(f *fake) // another program is quicker; called with the lock held
}

const (
	testUser, testPassword = "wildcard", "pass word/ü%"
	testCred, testSecret   = "0123456789abcdef0123456789abcdef", "app-secret+/=%"
)

func newFake(t testing.TB, zones ...string) *fake {
	t.Helper()
	f := &fake{t: t, tokens: map[string]bool{}}
	for _, name := range zones {
		f.zones = append(f.zones, fakeZone{ID: newID(), Name: name, Type: "PRIMARY"})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /identity/v3/auth/tokens", f.login)
	mux.HandleFunc("GET /dns/v2/zones", f.list)
	mux.HandleFunc("GET /dns/v2/zones/{zone}/recordsets", f.look)
	mux.HandleFunc("POST /dns/v2/zones/{zone}/recordsets", f.create)
	mux.HandleFunc("PUT /dns/v2/zones/{zone}/recordsets/{set}", f.update)
	mux.HandleFunc("DELETE /dns/v2/zones/{zone}/recordsets/{set}", f.remove)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serve(mux, w, r) }))
	t.Cleanup(server.Close)
	f.url = server.URL
	f.catalog = server.URL + "/dns"
	return f
}

func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (f *fake) serve(mux http.Handler, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.Method+" "+r.URL.Path)
	var met *fault
	if f.meet != nil {
		met = f.meet(r)
	}
	switch {
	case met == nil:
	case met.hang != nil:
		f.mu.Unlock()
		<-met.hang
		f.mu.Lock()
	case met.status != 0:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(met.status)
		fmt.Fprint(w, met.body)
		return
	case met.before != nil:
		met.before(f)
	case met.lose:
		mux.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	if strings.HasPrefix(r.URL.Path, "/dns/") && !f.tokens[r.Header.Get("X-Auth-Token")] {
		answer(w, http.StatusUnauthorized, map[string]any{"error": map[string]any{"message": "The request you have made requires authentication.", "code": 401, "title": "Unauthorized"}})
		return
	}
	mux.ServeHTTP(w, r)
}

func answer(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	answer(w, status, map[string]any{"code": status, "type": kind, "message": message, "request_id": "req-1"})
}

const pageSize = 2

func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	from := 0
	if marker := r.URL.Query().Get("marker"); marker != "" {
		if from = slices.IndexFunc(f.zones, func(z fakeZone) bool { return z.ID == marker }) + 1; from == 0 {
			refuse(w, http.StatusBadRequest, "invalid_marker", "Marker not found")
			return
		}
	}
	page := f.zones[from:min(from+pageSize, len(f.zones))]
	// The link leads to another host, as it does behind proxies: no token may be sent there.
	links := map[string]any{"self": "http://127.0.0.1:1/v2/zones"}
	if from+pageSize < len(f.zones) {
		links["next"] = "http://127.0.0.1:1/v2/zones?marker=" + page[len(page)-1].ID
	}
	answer(w, http.StatusOK, map[string]any{"zones": page, "links": links, "metadata": map[string]any{"total_count": len(f.zones)}})
}

// zone finds the zone of a request.
func (f *fake) zone(w http.ResponseWriter, r *http.Request) (fakeZone, bool) {
	i := slices.IndexFunc(f.zones, func(z fakeZone) bool { return z.ID == r.PathValue("zone") })
	if i < 0 {
		refuse(w, http.StatusNotFound, "zone_not_found", "Could not find Zone")
		return fakeZone{}, false
	}
	return f.zones[i], true
}

func (f *fake) look(w http.ResponseWriter, r *http.Request) {
	z, ok := f.zone(w, r)
	if !ok {
		return
	}
	found := []*fakeSet{}
	for _, set := range f.sets {
		name, kind := r.URL.Query().Get("name"), r.URL.Query().Get("type")
		if set.ZoneID == z.ID && (name == "" || set.Name == name) && (kind == "" || set.Type == kind) {
			found = append(found, set)
		}
	}
	answer(w, http.StatusOK, map[string]any{"recordsets": found, "links": map[string]any{"self": "x"}, "metadata": map[string]any{"total_count": len(found)}})
}

// read reads a record set and refuses what Designate refuses.
func (f *fake) read(w http.ResponseWriter, r *http.Request) (set fakeSet, ok bool) {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&set); err != nil || r.Header.Get("Content-Type") != "application/json" {
		refuse(w, http.StatusBadRequest, "invalid_object", fmt.Sprintf("Provided object does not match schema: %v", err))
		return set, false
	}
	seen := map[string]bool{}
	for _, record := range set.Records {
		if len(record) < 2 || record[0] != '"' || record[len(record)-1] != '"' || seen[record] {
			refuse(w, http.StatusBadRequest, "invalid_object", "'"+record+"' is not a 'TXT' Record")
			return set, false
		}
		seen[record] = true
	}
	if len(set.Records) == 0 {
		refuse(w, http.StatusBadRequest, "invalid_object", "'records' is too short")
		return set, false
	}
	return set, true
}

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	z, ok := f.zone(w, r)
	if !ok {
		return
	}
	set, ok := f.read(w, r)
	if !ok {
		return
	}
	switch {
	case set.Type != "TXT" || set.Name != strings.ToLower(set.Name) || !providers.InZone(set.Name, z.Name):
		refuse(w, http.StatusBadRequest, "invalid_object", "RecordSet is not contained within its parent zone")
	case slices.ContainsFunc(f.sets, func(s *fakeSet) bool { return s.ZoneID == z.ID && s.Name == set.Name && s.Type == set.Type }):
		refuse(w, http.StatusConflict, "duplicate_recordset", "Duplicate RecordSet")
	default:
		set.ID, set.ZoneID, set.Action, set.Status = newID(), z.ID, "CREATE", "PENDING"
		f.sets = append(f.sets, &set)
		answer(w, http.StatusAccepted, set)
	}
}

func (f *fake) update(w http.ResponseWriter, r *http.Request) {
	if _, ok := f.zone(w, r); !ok {
		return
	}
	changes, ok := f.read(w, r)
	if !ok {
		return
	}
	i := slices.IndexFunc(f.sets, func(s *fakeSet) bool { return s.ID == r.PathValue("set") && s.ZoneID == r.PathValue("zone") })
	switch {
	case i < 0:
		refuse(w, http.StatusNotFound, "recordset_not_found", "Could not find RecordSet")
	case changes.Name != "" || changes.Type != "" || changes.TTL != nil:
		refuse(w, http.StatusBadRequest, "invalid_object", "more than records is changed")
	default:
		f.sets[i].Records, f.sets[i].Action, f.sets[i].Status = changes.Records, "UPDATE", "PENDING"
		answer(w, http.StatusAccepted, f.sets[i])
	}
}

func (f *fake) remove(w http.ResponseWriter, r *http.Request) {
	if _, ok := f.zone(w, r); !ok {
		return
	}
	i := slices.IndexFunc(f.sets, func(s *fakeSet) bool { return s.ID == r.PathValue("set") && s.ZoneID == r.PathValue("zone") })
	if i < 0 {
		refuse(w, http.StatusNotFound, "recordset_not_found", "Could not find RecordSet")
		return
	}
	set := *f.sets[i]
	f.sets = slices.Delete(f.sets, i, i+1)
	set.Action, set.Status = "DELETE", "PENDING"
	answer(w, http.StatusAccepted, set)
}

// put makes another program's record; with the lock held.
func (f *fake) put(fqdn, record string) {
	for _, set := range f.sets {
		if set.Name == fqdn && set.Type == "TXT" {
			set.Records = append(set.Records, record)
			return
		}
	}
	zone := ""
	for _, z := range f.zones {
		if providers.InZone(fqdn, z.Name) {
			zone = z.ID
		}
	}
	ttl := 4321
	f.sets = append(f.sets, &fakeSet{ID: newID(), ZoneID: zone, Name: fqdn, Type: "TXT", Records: []string{record}, TTL: &ttl})
}

// drop takes another program's record away; with the lock held.
func (f *fake) drop(fqdn, record string) {
	for i, set := range f.sets {
		if set.Name != fqdn {
			continue
		}
		set.Records = slices.DeleteFunc(set.Records, func(r string) bool { return r == record })
		if len(set.Records) == 0 {
			f.sets = slices.Delete(f.sets, i, i+1)
		}
		return
	}
}

func (f *fake) texts(fqdn string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var values []string
	for _, set := range f.sets {
		if set.Type == "TXT" && set.Name == providers.CanonicalName(fqdn) {
			for _, record := range set.Records {
				values = append(values, strings.Trim(record, `"`))
			}
		}
	}
	return values
}

func (f *fake) on(meet func(*http.Request) *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.meet = meet
}

// once lets the next request of a method, past the login, meet a fault.
func (f *fake) once(method string, met *fault) {
	f.on(func(r *http.Request) *fault {
		if r.Method != method || strings.HasPrefix(r.URL.Path, "/identity/") {
			return nil
		}
		f.meet = nil // under the lock
		return met
	})
}

func (f *fake) locked(work func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	work()
}

// sent returns the requests since the last time, zones and sets without their ids.
func (f *fake) sent() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	for _, line := range f.asked {
		parts := strings.Split(line, "/")
		for i, part := range parts {
			if idForm.MatchString(part) {
				parts[i] = "ID"
			}
		}
		lines = append(lines, strings.Join(parts, "/"))
	}
	f.asked = nil
	return lines
}
