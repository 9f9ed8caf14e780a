package designate

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"wildcard/internal/settings"
	"wildcard/internal/system/environ"
	"wildcard/providers"
)

// cloud is what we use of a cloud in clouds.yaml
// (https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html).
type cloud struct {
	Auth      auth   `yaml:"auth"`
	AuthType  string `yaml:"auth_type"`
	Region    string `yaml:"region_name"`
	Interface string `yaml:"interface"`
	CACert    string `yaml:"cacert"`
	Verify    *bool  `yaml:"verify"`
	Endpoint  string `yaml:"dns_endpoint_override"`
	Profile   string `yaml:"profile"`
}

// auth is who logs in, and where.
type auth struct {
	URL               string          `yaml:"auth_url"`
	CredentialID      string          `yaml:"application_credential_id"`
	CredentialSecret  settings.Secret `yaml:"application_credential_secret"`
	Username          string          `yaml:"username"`
	UserID            string          `yaml:"user_id"`
	Password          settings.Secret `yaml:"password"`
	ProjectName       string          `yaml:"project_name"`
	ProjectID         string          `yaml:"project_id"`
	UserDomainName    string          `yaml:"user_domain_name"`
	UserDomainID      string          `yaml:"user_domain_id"`
	ProjectDomainName string          `yaml:"project_domain_name"`
	ProjectDomainID   string          `yaml:"project_domain_id"`
	DomainName        string          `yaml:"domain_name"`
	DomainID          string          `yaml:"domain_id"`
}

// readCloud reads the cloud that OS_CLOUD names, and says from which file.
func readCloud(set settings.Set, src settings.Sources) (cloud, string, error) {
	places := []string{set.Get(cloudsFile)}
	if places[0] == "" {
		places = nil
		if src.ConfigDir != "" {
			places = append(places, filepath.Join(src.ConfigDir, "designate", "clouds.yaml"))
		}
		if home := environ.Get(src.Environ, "HOME"); filepath.IsAbs(home) {
			places = append(places, filepath.Join(home, ".config", "openstack", "clouds.yaml"))
		}
		places = append(places, "/etc/openstack/clouds.yaml")
	}
	for _, path := range places {
		clouds, err := readClouds(src, path)
		if errors.Is(err, fs.ErrNotExist) && set.Get(cloudsFile) == "" {
			continue
		}
		if err != nil {
			return cloud{}, "", err
		}
		c, err := pick(src, clouds, path, set.Get(cloudName))
		return c, path, err
	}
	return cloud{}, "", providers.Errorf(providers.CodeMissing, providers.Misconfigured,
		"designate: %s: there is no clouds.yaml; looked for %s", cloudName, strings.Join(places, ", "))
}

// readClouds reads a file as far as the names of its clouds.
func readClouds(src settings.Sources, path string) (map[string]yaml.Node, error) {
	if !filepath.IsAbs(path) {
		return nil, badSetting(cloudsFile, "%s is not an absolute path", settings.Shown(path))
	}
	text, err := src.ReadSecretFile(path)
	if err != nil {
		return nil, providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "designate: %s: %w", cloudName, err)
	}
	var file struct {
		Clouds map[string]yaml.Node `yaml:"clouds"`
	}
	if err := yaml.Unmarshal([]byte(text.Reveal()), &file); err != nil {
		return nil, badSetting(cloudName, "%s is not YAML as OpenStack's tools read it", settings.Shown(path)) // the error would quote it
	}
	return file.Clouds, nil
}

// pick takes one cloud, and what secure.yaml beside it has to add.
func pick(src settings.Sources, clouds map[string]yaml.Node, path, name string) (cloud, error) {
	node, ok := clouds[name]
	if !ok {
		return cloud{}, badSetting(cloudName, "%s has no cloud %s", settings.Shown(path), providers.Excerpt(name))
	}
	unfit := badSetting(cloudName, "%s: cloud %s is not written as OpenStack's tools read it", settings.Shown(path),
		providers.Excerpt(name))
	var c cloud
	if node.Decode(&c) != nil {
		return cloud{}, unfit
	}
	secure, err := readClouds(src, filepath.Join(filepath.Dir(path), "secure.yaml"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cloud{}, err
	}
	if more, ok := secure[name]; ok && more.Decode(&c) != nil {
		return cloud{}, unfit
	}
	if c.Auth.UserDomainName+c.Auth.UserDomainID == "" {
		c.Auth.UserDomainName, c.Auth.UserDomainID = c.Auth.DomainName, c.Auth.DomainID
	}
	var missing []string
	need := func(name string, there bool) {
		if !there {
			missing = append(missing, name)
		}
	}
	need("auth.auth_url", c.Auth.URL != "")
	if c.AuthType == "v3applicationcredential" || c.Auth.CredentialID != "" {
		need("auth.application_credential_id", c.Auth.CredentialID != "")
		need("auth.application_credential_secret", !c.Auth.CredentialSecret.IsZero())
	} else {
		need("auth.username", c.Auth.Username+c.Auth.UserID != "")
		need("auth.password", !c.Auth.Password.IsZero())
		need("auth.project_name", c.Auth.ProjectName+c.Auth.ProjectID != "")
	}
	switch {
	case c.Profile != "" && c.Auth.URL == "":
		return cloud{}, badSetting(cloudName, "%s: cloud %s takes the profile %s, which is not read: write auth.auth_url", settings.Shown(path), providers.Excerpt(name), providers.Excerpt(c.Profile))
	case len(missing) > 0:
		return cloud{}, providers.Errorf(providers.CodeMissing, providers.Misconfigured,
			"designate: %s: cloud %s in %s lacks %s",
			cloudName, providers.Excerpt(name), settings.Shown(path), strings.Join(missing, ", "))
	}
	return c, nil
}
