"""libcurl's proxy options for Discord: direct, or through the proxy (`outbound/proxy.py`)."""

from curl_cffi import CurlOpt

from midway.outbound.proxy import Proxy, ProxyKind

__all__ = ["Proxy", "ProxyKind", "curl_options"]


def curl_options(proxy: Proxy | None) -> dict[CurlOpt, str | int]:
    """Return the options, set even without a proxy: else libcurl reads HTTPS_PROXY, ALL_PROXY and NO_PROXY."""
    if proxy is None:
        return {CurlOpt.PROXY: "", CurlOpt.NOPROXY: ""}
    # User and password go into options of their own: libcurl's errors would quote a URL that contains them.
    scheme = "socks5h" if proxy.kind is ProxyKind.SOCKS5 else "http"
    options: dict[CurlOpt, str | int] = {
        CurlOpt.PROXY: f"{scheme}://{proxy}",
        CurlOpt.NOPROXY: "",
        CurlOpt.HTTPPROXYTUNNEL: 1,
    }
    if proxy.user:
        options |= {CurlOpt.PROXYUSERNAME: proxy.user, CurlOpt.PROXYPASSWORD: proxy.password}
    return options
