"""Spellings of addresses that must not be asked, as attackers write them; PORT is a canary's."""

LOOPBACK = (
    *("127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.0.0.2", "127.127.127.127"),
    *("2130706433", "0x7f000001", "0x7F000001", "0x7f.0x0.0x0.0x1", "0x7f.1", "0x7f.0.1"),
    *("017700000001", "0177.0.0.1", "0177.0.0.01", "00000177.0.0.1", "0177.1", "127.0x1"),
    *("0", "0.0.0.0", "0x0", "00", "127.255.255.254", "127.0.0.1%00"),  # noqa: S104
    *("localhost", "LOCALHOST", "localhost.", "lOcAlHoSt", "%6cocalhost", "%31%32%37.0.0.1"),
    # Digits, dots and letters that become plain ones on the way.
    *("１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1"),
    *("ｌｏｃａｌｈｏｓｔ", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "localhoſt", "l\u00adocalhost"),
)
LOOPBACK6 = (
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::]"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::FFFF:7F00:1]"),
    *("[::127.0.0.1]", "[::7f00:1]", "[::ffff:0:127.0.0.1]", "[::1%25lo]", "[::1%lo]"),
    # NAT64, 6to4 and Teredo lead to IPv4 addresses.
    *("[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]"),
    *("[2002:7f00:0001::1]", "[2001:0:7f00:1::]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]"),
)
PRIVATE = (
    *("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "167772161"),
    *("0x0a000001", "012.0.0.1", "3232235521", "0xc0a80001", "[::ffff:10.0.0.1]", "[fc00::1]"),
    *("100.64.0.1", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "[ff02::1]", "[fec0::1]"),
    *("[fe80::1]", "[fe80::1%25lo]", "[100::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]"),
)
# Where clouds tell machines about themselves, and give out credentials.
METADATA = (
    *("169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"),
    *("[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "169.254.170.2", "100.100.100.200"),
    *("168.63.129.16", "[fd00:ec2::254]", "[64:ff9b::168.63.129.16]"),
)
HOSTS = LOOPBACK + LOOPBACK6 + PRIVATE + METADATA
TRICKS = (
    *("https://id.example@127.0.0.1:PORT/", "https://id.example:443@127.0.0.1:PORT/"),
    *("https://@127.0.0.1:PORT/", "https://127.0.0.1:PORT#@id.example/"),
    *("https://127.0.0.1:PORT\\@id.example/", "https://id.example\\@127.0.0.1:PORT/"),
    *("https://id.example/#https://127.0.0.1:PORT/", "https://127.0.0.1:PORT /"),
    *("https://127.0.0.1:PORT\t/", "https://127.0.0.1:PORT/\r\nHost: id.example"),
    *("\nhttps://127.0.0.1:PORT/", "https:127.0.0.1:PORT/", "//127.0.0.1:PORT/"),
    *("https:///127.0.0.1:PORT/", "https:\\\\127.0.0.1:PORT/", "127.0.0.1:PORT", "", " "),
    *("https://", "https://:PORT/", "https://[::1:PORT/", "https://::1:PORT/"),
    *("https://127.0.0.1:99999/", "https://127.0.0.1:-1/", "https://127.0.0.1:x/"),
    *("HTTP://127.0.0.1:PORT/", "HTTPS://127.0.0.1:PORT/", "http:///127.0.0.1:PORT/"),
    *("file:///etc/passwd", "ftp://127.0.0.1:PORT/", "gopher://127.0.0.1:PORT/_GET"),
    *("dict://127.0.0.1:PORT/", "ldap://127.0.0.1:PORT/", "unix:///run/docker.sock"),
    *("javascript:alert(1)", "data:application/json,{}", "jar:http://127.0.0.1:PORT!/"),
    *("ws://127.0.0.1:PORT/", "wss://127.0.0.1:PORT/", "https+http://127.0.0.1:PORT/"),
)
SPELLINGS = (
    *(f"https://{host}:PORT/" for host in HOSTS),
    *(f"http://{host}:PORT/" for host in HOSTS),
    *TRICKS,
)
