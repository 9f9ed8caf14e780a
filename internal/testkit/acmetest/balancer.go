package acmetest

import (
	"net/http"
	"time"
)

// share is how many requests per second an endpoint may have from one address, and how many at once beyond that.
type share struct{ rate, burst float64 }

// share is Let's Encrypt's (letsencrypt.org/docs/rate-limits, "Overall Requests Limit").
func (s *Server) share(e Endpoint) (key Endpoint, allowed share) {
	switch {
	case e == NewNonce:
		return e, share{20, 10}
	case e == NewAccount:
		return e, share{5, 15}
	case e == NewOrder && s.options.Staging:
		return e, share{20, 40}
	case e == NewOrder:
		return e, share{300, 200}
	case e == RevokeCert:
		return e, share{10, 100}
	case e == Directory:
		return e, share{40, 40}
	case e == RenewalInfo:
		return e, share{1000, 1000}
	case s.options.Staging:
		return Account, share{20, 20} // all others together
	}
	return Account, share{250, 125}
}

// balance refuses a request that the load balancer does not let through; nil lets it.
func (s *Server) balance(e Endpoint) *Reply {
	if s.options.Deviations.NoBalancer {
		return nil
	}
	key, allowed := s.share(e)
	b := s.shares[key]
	if b == nil {
		b = &bucket{}
		s.shares[key] = b
	}
	size := allowed.burst + 1
	if _, ok := b.take(s.timer(), 1, size, time.Duration(size/allowed.rate*float64(time.Second)), false); ok {
		return nil
	}
	s.busy++
	return s.ServiceBusy()
}

// ServiceBusy is the load balancer's refusal. How many seconds it asks for is not known: it is as short as can be.
func (s *Server) ServiceBusy() *Reply {
	if s.options.Deviations.BalancerSpeaksHTML {
		return Text(http.StatusTooManyRequests, "text/html",
			"<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n<body>\r\n"+
				"<center><h1>429 Too Many Requests</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n")
	}
	return Problem(http.StatusServiceUnavailable, "rateLimited", "Service busy; retry later.").With("Retry-After", "1")
}
