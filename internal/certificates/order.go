package certificates

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/state"
)

// order is one certificate to obtain: a [Request] over what its lineage says already.
type order struct {
	name         string   // of the lineage, or for a CSR of what is remembered about it
	names        []string // on the certificate
	covered      []string // left out of them, since a wildcard covers them and the CA refuses both
	live         *lineage.Lineage
	settings     lineage.Settings
	params       lineage.Params
	profile      string // that is asked for: see chooseProfile
	keyType      issuance.KeyType
	csr          []byte // DER; there is no lineage then
	proof        string // name under which the proof of the CSR's names is remembered
	proofOnly    bool   // prove the names for a certificate to come; there is no lineage, either
	replaces     string // of a CSR
	noHooks      bool
	registration issuance.Registration
	mayRegister  bool
	dryRun       bool
	force        bool
	again        bool // of a CSR, whose force is always set: order although the last certificate was refused
	unattended   bool
	deployLater  bool // deploy hooks wait for another run
}

// draft is what is asked for, over what the lineage says already. Nothing is written.
func (m *Manager) draft(r Request, name string) (*order, error) {
	o := &order{
		name: name, names: r.Names, csr: r.CSR, dryRun: r.DryRun, force: r.Force || r.outside(),
		again: r.CSR != nil && r.Force, mayRegister: true, registration: r.Registration, proofOnly: r.proofOnly,
		noHooks: r.NoHooks || r.proofOnly,
	}
	if r.outside() {
		o.proof, o.replaces = r.proofName(), r.Replaces
	} else {
		live, err := m.Store.Lineage(name)
		switch {
		case err == nil:
			o.live = live
			o.settings, _ = live.Conf.Settings()
			o.params = live.Conf.Params()
		case fault.CodeOf(err) == lineage.CodeNotFound && !o.dryRun:
			if err := m.Store.Free(name); err != nil {
				return nil, err
			}
		case fault.CodeOf(err) != lineage.CodeNotFound:
			return nil, err
		}
	}
	if o.live != nil && !o.live.Owned() && !o.dryRun {
		return nil, fault.Errorf(lineage.CodeNotOwned, fault.Usage,
			"%s is certbot's: wildcard adopt %s takes it over as it is, --cert-name makes another certificate beside it", name, name)
	}
	if o.live != nil {
		if err := o.live.Unsafe(); err != nil {
			return nil, err
		}
	}
	if err := o.apply(r); err != nil {
		return nil, err
	}
	o.params.AuthHook, o.params.CleanupHook = hookLines(m.options.Dirs, o.settings)
	return o, o.guardStaging()
}

// apply puts the request over what is stored.
func (o *order) apply(r Request) error {
	if err := r.DNS.Over(&o.settings); err != nil {
		return err
	}
	if err := o.chooseMethod(r.Challenge); err != nil {
		return err
	}
	o.settings.CABundle = text(r.CABundle, o.settings.CABundle)
	if err := r.Files.apply(&o.settings); err != nil {
		return err
	}
	o.settings.Profile = text(r.Profile, o.settings.Profile)
	o.params.PreferredChain = text(r.PreferredChain, o.params.PreferredChain)
	o.at(text(r.Server, o.params.Server))
	if r.Account.Firm {
		o.params.Account = r.Account.Value
	}
	o.params.ReuseKey = r.ReuseKey.Over(o.params.ReuseKey, o.live != nil)
	if len(r.DeployHooks) > 0 {
		o.params.DeployHook, o.settings.DeployHooks = r.DeployHooks[0], r.DeployHooks[1:]
		o.params.DeployHook53 = ""
	}
	given := func(texts []string) []string {
		return slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return text == "" })
	}
	if len(r.Targets) > 0 {
		o.settings.Targets = given(r.Targets)
	}
	if len(r.Verify) > 0 {
		o.settings.Verify = given(r.Verify)
	}
	o.settings.Rollback = r.Rollback.Over(o.settings.Rollback, o.live != nil)
	if o.settings.Rollback && len(o.settings.Verify) == 0 {
		return fault.Errorf(fault.CodeUsage, fault.Usage, "%w",
			messages.New("--rollback needs --verify: else nothing tells that the new certificate is not served"))
	}
	switch {
	case r.KeyType != "":
		o.keyType = r.KeyType
	case o.live != nil:
		o.keyType = KeyTypeOf(o.params)
	default:
		o.keyType = issuance.ECDSA256
	}
	setKeyType(&o.params, o.keyType)
	o.chooseProfile(nil)
	return nil
}

// chooseMethod puts the choice of how names are proven over what is stored.
func (o *order) chooseMethod(c Choice[string]) error {
	o.settings.Challenge = text(c, o.settings.Challenge)
	_, err := issuance.ParseMethod(string(MethodOf(o.settings)))
	return err
}

// MethodOf is how the names of a lineage are proven.
func MethodOf(s lineage.Settings) issuance.Method {
	return issuance.Method(cmp.Or(s.Challenge, string(issuance.Auto)))
}

// MethodFor is how a name of a lineage is proven, where that is left to us by whether its persistent record stands.
func MethodFor(s lineage.Settings, standing bool) issuance.Method {
	switch method := MethodOf(s); {
	case method != issuance.Auto:
		return method
	case standing:
		return issuance.Persist
	}
	return issuance.DNS01
}

// ProfileOf is the profile that is wanted for a lineage: that of our settings, else certbot's.
func ProfileOf(p lineage.Params, s lineage.Settings) string {
	return cmp.Or(RequiredProfile(p, s), p.Preferred)
}

// RequiredProfile is the one without which there is no order: that of our settings, else the one that certbot requires.
func RequiredProfile(p lineage.Params, s lineage.Settings) string {
	return cmp.Or(s.Profile, p.Required)
}

// chooseProfile picks the profile: that of our settings, else certbot's required one, else its preferred one if the CA is known to offer
// it (certbot/_internal/client.py, _get_order_and_authorizations).
func (o *order) chooseProfile(ca *issuance.CA) {
	o.profile = RequiredProfile(o.params, o.settings)
	if o.profile == "" && ca != nil {
		if _, ok := ca.Directory().Profiles[o.params.Preferred]; ok {
			o.profile = o.params.Preferred
		}
	}
}

// at is the order at a CA, or at its staging service for a dry run: accounts belong to a server, and CAs differ in which names
// they take on one certificate.
func (o *order) at(server string) {
	if o.dryRun {
		if staging, ok := issuance.StagingOf(server); ok {
			server = staging
		}
	}
	if server != o.params.Server {
		o.params.Server, o.params.Account = server, ""
	}
	if !o.outside() { // whose names are as they are
		facts, _ := issuance.KnownCA(server)
		o.names, o.covered = facts.WithoutCovered(o.names)
	}
}

// guardStaging refuses to replace a real certificate by one for tries.
func (o *order) guardStaging() error {
	if o.live == nil || o.dryRun || !issuance.IsStaging(o.params.Server) ||
		issuance.IsStaging(o.live.Conf.Params().Server) {
		return nil
	}
	return fault.Errorf(CodeStaging, fault.Usage,
		"%s is a certificate of %s, and %s is for tries only: --dry-run tries without replacing it, --cert-name makes another one",
		o.name, o.live.Conf.Params().Server, o.params.Server)
}

// differs reports whether the certificate that is there is not the one that is asked for. What a CA added to the names is as if
// it were not there.
func (o *order) differs() bool {
	l := o.live
	if l.Leaf == nil {
		return true
	}
	asked := l.Leaf.DNSNames
	s, ours := l.Conf.Settings()
	if ours && len(s.Domains) > 0 {
		asked = s.Domains
	}
	return !sameNames(asked, o.names) || !issuance.NamesFit(l.Leaf.DNSNames, asked) ||
		l.Conf.Params().Server != o.params.Server ||
		KeyTypeOf(l.Conf.Params()) != o.keyType || s.Profile != o.settings.Profile
}

// liveLeaf is the certificate that the order follows; nil if there is none.
func (o *order) liveLeaf() *x509.Certificate {
	if o.live == nil {
		return nil
	}
	return o.live.Leaf
}

// isLiveKey reports whether a key is that of the live certificate.
func (o *order) isLiveKey(signer crypto.Signer) bool {
	leaf := o.liveLeaf()
	if leaf == nil || signer == nil {
		return false
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(leaf.PublicKey)
}

// coveredNotes say which names are left out of the order, and why that changes nothing.
func (o *order) coveredNotes() []messages.Message {
	facts, _ := issuance.KnownCA(o.params.Server)
	var notes []messages.Message
	for _, name := range o.covered {
		_, parent, _ := strings.Cut(name, ".")
		notes = append(notes, messages.New("%s is left out: *.%s covers it, and %s refuses both on one certificate", name, parent, facts.Company))
	}
	return notes
}

// intent is what the ledger has to agree to.
func (o *order) intent(account string, now time.Time) state.Intent {
	i := state.Intent{
		Lineage: o.name, Server: o.params.Server, Account: account, Domains: o.names, Now: now, Unattended: o.unattended,
		Force: o.force,
	}
	if leaf := o.liveLeaf(); leaf != nil {
		i.NotAfter = leaf.NotAfter
	}
	return i
}

// refusable is the order as it is remembered when its certificate is refused.
func (o *order) refusable(at time.Time, reason string) state.Refused {
	return state.Refused{
		Time: at, Server: o.params.Server, Domains: o.names, Profile: ProfileOf(o.params, o.settings),
		KeyType: string(o.keyType),
		Reason:  reason,
	}
}

// held is the error of an order whose like brought a certificate that was refused; nil if there was none, or if it is to be made
// all the same. A ledger of nil has nothing.
func (o *order) held(ledger *state.State) error {
	insists := o.force && o.csr == nil || o.again
	if o.dryRun || insists || ledger == nil {
		return nil
	}
	return ledger.Held(o.name, o.refusable(time.Time{}, ""))
}
