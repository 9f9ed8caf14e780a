package settings

import (
	"strings"
	"testing"

	"wildcard/internal/fault"
)

func TestCheckProxies(t *testing.T) {
	t.Parallel()
	for value, ok := range map[string]bool{
		"": true, "http://proxy.example:3128": true, "proxy.example:3128": true, "proxy": true, "https://user:secret-word@proxy.example": true,
		"socks5://127.0.0.1:1080": true, "http://[::1]:8080/": true, "10.0.0.1:3128": true,
		"htp://secret-word@proxy:3128": false, "http//secret-word:3128": false, "http:/secret-word:3128": false, "http://:3128": false,
		"http://user:secret-word@": false, "http://proxy:port-secret-word": false, "http://proxy:99999": false, "http://proxy:0": false, "http://proxy:": false,
		"http://pro xy:1/secret-word": false, "http://proxy/secret-word": false, "http://proxy?secret-word": false, "\"http://proxy:3128\"": false,
		"'http://secret-word:3128'": false, "http://user:secret%ZZ-word@proxy": false, "ftp://proxy:21": false, "http://proxy#secret-word": false,
	} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
			err := CheckProxies([]string{"A=b", name + "=" + value})
			if (err == nil) != ok {
				t.Errorf("%s=%s: %v", name, value, err)
			}
			if err != nil && (fault.CodeOf(err) != fault.CodeBadSettings || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("%s: %v", value, err)
			}
		}
	}
	if err := CheckProxies([]string{"NO_PROXY=*", "ALL_PROXY=::::"}); err != nil {
		t.Error(err) // which is not followed
	}
}
