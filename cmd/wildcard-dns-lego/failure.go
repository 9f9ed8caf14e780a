package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"wildcard/providers/plugin"
)

// failed is an error whose class is known.
type failed struct{ plugin.Failure }

func (f *failed) Error() string { return f.Message }

// lateError is a call that took too long.
type lateError struct{ limit time.Duration }

func (l lateError) Error() string {
	return fmt.Sprintf("lego has not come to an end within %v; the call goes on, and what it does is not known", l.limit)
}

// explain puts an error of lego's into a class. Most of its services have no other errors than texts.
func explain(err error) *plugin.Failure {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*failed](err); ok {
		return &f.Failure
	}
	class := "failed"
	var late lateError
	_, network := errors.AsType[net.Error](err)
	status := statusOf(err)
	switch {
	case errors.As(err, &late), errors.Is(err, context.DeadlineExceeded), status == 408, status == 429, status >= 500,
		network && status == 0:
		class = "temporary"
	case status == 401, status == 403:
		class = "refused"
	case strings.Contains(err.Error(), "credentials information are missing"):
		class = "misconfigured"
	}
	return &plugin.Failure{Class: class, Message: err.Error()}
}

// wasRefused reports whether a service answered that it did nothing.
func wasRefused(err error) bool {
	status := statusOf(err)
	return status >= 400 && status < 500 && status != 408
}

var statusForm = regexp.MustCompile(`status code: (\d{3})\b`)

// statusOf is the HTTP status in the error texts that lego's services share; 0 if there is none.
func statusOf(err error) int {
	m := statusForm.FindStringSubmatch(err.Error())
	if m == nil {
		return 0
	}
	status, convErr := strconv.Atoi(m[1])
	if convErr != nil {
		return 0
	}
	return status
}
