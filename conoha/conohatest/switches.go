package conohatest

import (
	"cmp"
	"net/http"
	"time"
)

// Switches choose among behaviours that the reference marks "[?]": the real service may have any of them. The zero value of
// each field is the default that its comment names.
type Switches struct {
	// Identity.

	V2LoginStatus   int           // wrong password or tenant in Ver.2.0 (A3, A4). Default 401
	V3LoginStatus   int           // wrong password in Ver.3.0 (B3): 400 or 401. Default 401
	V3ProjectStatus int           // wrong project in Ver.3.0 (B4): 400, 401 or 403. Default 401
	V3CheckDomain   bool          // a login by name with a domain other than gnc is refused (§2.2). Default: borne
	TokenLifetime   time.Duration // default 24 h (§2.1, §2.2). Negative: tokens have expired when they are issued

	// Error bodies.

	V3Errors         ErrorShape       // of every error of Ver.3.0 (§2.2, §3.7). Default ErrorText
	UnauthorizedBody UnauthorizedBody // of a 401 of the DNS service (A16, B15). Default BodyUsual

	// Statuses of refusals of the DNS service.

	UnauthorizedStatus  int // no, bad or expired token (A16, B15). Default 401
	InvalidStatus       int // body that fails the schema (A10, B10). Default 400
	LocationStatus      int // name outside the zone, in a child zone, beside a CNAME (A11, B10). Default 400
	MissingRecordStatus int // unknown record (A14, B11, B13). Default 404
	MissingZoneStatus   int // unknown zone (A15, B14). Default 404
	MalformedIDStatus   int // an id that is no UUID (A15). Default 404
	ForeignZoneStatus   int // a zone of another tenant (§3.7): 404 or 401. Default: as an unknown one
	QuotaStatus         int // A17. Default 413

	// Rules for records.

	MinTTL             int           // seconds, both generations (A10). Default 60
	V3DefaultTTL       int           // seconds, if none is sent (B7). Default 3600
	V3PutTTL           bool          // Ver.3.0 lets PUT change a TTL (B16). Default: 400
	V3Duplicates       DuplicateMode // exact duplicates in Ver.3.0 (B9). Default DuplicateConflict
	V3UnknownFields    bool          // Ver.3.0 ignores fields that it does not know (§3.5). Default: 400
	V3Lenient          bool          // Ver.3.0 knows neither CNAME conflicts nor child zones (§3.5). Default: 400
	RecordsPerZone     int           // quota (A17), SOA and NS included. Default 500; negative: none
	RecordsPerSet      int           // quota of one name and type. Default 20; negative: none
	V2FilterWithoutDot bool          // ?name= finds a zone without its trailing dot (A5b). Default: finds nothing

	// What replies look like.

	SwapIDs        bool // Ver.3.0 says id and domain_id (its OpenAPI file, B5), Ver.2.0 uuid and domain_uuid. Default: not
	OmitTotalCount bool // lists of Ver.3.0 lack total_count (§3.3). Default: present
	V3DefaultLimit int  // items in a page of Ver.3.0 without ?limit= (§3.3). Default 1000
	V3PageCap      int  // most items in a page of Ver.3.0, however many are asked for (B5). Default: no cap
	QuoteTXT       bool // TXT data comes back in double quotes (B18). Default: as sent
	LowerNames     bool // names are stored in lower case (B19). Default: as sent

	// DNS.

	// ParentNS makes the resolver answer an NS question about a zone whose servers all refuse it with the delegation, as
	// some public resolvers do. Default: SERVFAIL.
	ParentNS bool
}

// ErrorShape is the form of an error body of Ver.3.0.
type ErrorShape int

const (
	ErrorText    ErrorShape = iota // {"code":400,"error":"text"}, seen live
	ErrorObject                    // {"error":{"code":400,"message":"text","title":"Bad Request"}}, stock Keystone
	ErrorWrapped                   // {"badRequest":{"code":400,"message":"text"}}, as OpenStack's compute service
)

// UnauthorizedBody is the body of a 401 of the DNS service.
type UnauthorizedBody int

const (
	BodyUsual UnauthorizedBody = iota // plain text in Ver.2.0, JSON in Ver.3.0
	BodyText
	BodyJSON
	BodyEmpty
)

// DuplicateMode is what happens to an exact duplicate.
type DuplicateMode int

const (
	DuplicateConflict   DuplicateMode = iota // 409
	DuplicateBadRequest                      // 400
	DuplicateAccepted                        // 200, and a second identical record
)

// Switches are the switches as they are now.
func (s *Service) Switches() Switches {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.switches
}

// Switch changes switches, from the next call on.
func (s *Service) Switch(change func(*Switches)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.switches)
}

// missingZone is the status for a zone that there is not, or that another tenant has.
func (w Switches) missingZone(foreign bool) int {
	if foreign && w.ForeignZoneStatus != 0 {
		return w.ForeignZoneStatus
	}
	return cmp.Or(w.MissingZoneStatus, http.StatusNotFound)
}

// exceeds reports whether a number is at a quota, whose default is given.
func exceeds(n, quota, otherwise int) bool {
	quota = cmp.Or(quota, otherwise)
	return quota >= 0 && n >= quota
}
