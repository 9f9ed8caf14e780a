package certificates

import (
	"context"
	"errors"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
	"wildcard/internal/state"
)

// remember writes what came of the attempt into the ledger and returns its error. An order that is lost for good is not taken up
// again. A run that was told to end has failed at nothing.
func (a *attempt) remember(ctx context.Context, result issuance.Result, err error) error {
	if why := context.Cause(ctx); a.dryRun || err != nil && why != nil && errors.Is(err, why) {
		return err
	}
	log := a.m.options.Log
	past := state.Attempt{
		Time: a.m.now(), Lineage: a.name, Server: a.params.Server, Account: a.account.URI, Domains: a.names,
		Outcome: state.Succeeded, Ordered: result.Order != "", Renewed: err == nil && a.live != nil,
		FailedValidations: result.Spent, Outside: a.outside(),
	}
	if err != nil {
		past.Outcome, past.Code, past.Text = state.Failed, fault.CodeOf(err), messages.OneLine(err.Error())
		past.FailedValidations = append(past.FailedValidations, failedValidations(err)...)
		if refused, ok := errors.AsType[*issuance.Problem](err); ok && past.Code == issuance.CodeRateLimited {
			past.NotBefore = refused.RetryAfter
		}
		lost := isLost(past.Code)
		if refused, ok := errors.AsType[*issuance.RefusedCertificate](err); ok {
			lost, err = a.refused(result.Order, refused, err)
		}
		if lost {
			if err := a.m.State.RemovePending(a.name); err != nil {
				log.Warn("forgetting an order", "error", err)
			}
		}
	}
	if recordErr := a.m.State.Record(past); recordErr != nil {
		log.Warn("ledger", "error", recordErr)
	}
	return err
}

// failedValidations are the names that a CA did not find proven, once for each of its answers, since it counts each.
func failedValidations(err error) (names []string) {
	failed, ok := errors.AsType[*issuance.ValidationError](err)
	if !ok {
		return nil
	}
	for _, f := range failed.Failures {
		for range max(1, f.Answers) {
			names = append(names, f.Name)
		}
	}
	return names
}

// isLost reports whether an order is of no use any more after an error of some code. What is delivered and is no certificate is
// no such error: it may be one when it is fetched again.
func isLost(code string) bool {
	switch code {
	case issuance.CodeValidation, issuance.CodeOrder, issuance.CodeCSR, issuance.CodeName, issuance.CodeCAA:
		return true
	}
	return false
}

// refused is what comes of a certificate that was issued and refused: its error with what happens next, and whether its order is
// done with. One whose chain or dates are wrong is fetched once more by the next run, since that may be a replica's fault.
func (a *attempt) refused(url string, refused *issuance.RefusedCertificate, err error) (lost bool, _ error) {
	ledger := a.m.State
	if pending, ok, readErr := ledger.Pending(a.name); refused.Passes && readErr == nil && ok && pending.Order == url &&
		!pending.Refused {
		pending.Refused = true
		if saveErr := ledger.SavePending(a.name, pending); saveErr != nil {
			return false, errors.Join(err, saveErr)
		}
		return false, fault.Errorf(fault.CodeOf(err), fault.ClassOf(err),
			"%w (the next run fetches it again, without another order)", err)
	}
	if keepErr := ledger.KeepRefused(a.name, a.refusable(a.m.now(), refused.Reason), a.key.pem,
		refused.Chain); keepErr != nil {
		return false, errors.Join(err, keepErr)
	}
	return true, fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "%w (it is kept in %s, and nothing is ordered again before --force is given)", err, ledger.RefusedPath(a.name))
}
