/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/route.h"

static const char system_ca_bundle[] = "/etc/ssl/certs/ca-certificates.crt";

/* What the environment says of proxies does not count. */
static void set_proxy(CURL *curl, const RelaySettings *relay, const char *proxy_password)
{
  curl_easy_setopt(curl, CURLOPT_PROXY, relay->proxy != NULL ? relay->proxy : "");
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
  if (relay->proxy == NULL)
    return;
  curl_easy_setopt(curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
  /* What the proxy says is no reply of the relay. */
  curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(curl, CURLOPT_SOCKS5_AUTH, (long)CURLAUTH_BASIC);
  curl_easy_setopt(curl, CURLOPT_PROXYUSERNAME, relay->proxy_username);
  curl_easy_setopt(curl, CURLOPT_PROXYPASSWORD, proxy_password);
}

void route_set(CURL *curl, const RelaySettings *relay, const char *proxy_password)
{
  set_proxy(curl, relay, proxy_password);
  if (relay->source_address != NULL) {
    g_autofree char *source = g_strconcat("host!", relay->source_address, NULL);
    curl_easy_setopt(curl, CURLOPT_INTERFACE, source);
  }
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  /* Else giving up waits for the thread that asks the DNS, and everything with it. */
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)relay->connect_timeout_ms);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
}

/* Debian's default CAPATH makes OpenSSL read a folder of files for every connection; the
 * bundle is read once and shared. */
void route_set_trust(CURL *curl, const char *ca_file)
{
  curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
  curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file != NULL ? ca_file : system_ca_bundle);
}
