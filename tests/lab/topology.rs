//! A client, routers and a server in a row.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Netns;

/// One node's addresses on one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// 10.77.link.x
    pub v4: Ipv4Addr,
    /// fd77:link::x
    pub v6: Ipv6Addr,
}

impl Addresses {
    /// Both, IPv4 first.
    pub fn both(self) -> [IpAddr; 2] {
        [self.v4.into(), self.v6.into()]
    }
}

/// `client – router 1 – … – router n – server`, both families.
///
/// Link k joins node k-1 and node k (the client is node 0): 10.77.k.0/24 and fd77:k::/64, the client's side is .1 and
/// the server's side .2; the interfaces are called `right` and `left`. Only these networks are routed, except that the
/// client sends everything else to router 1, which has no route for it.
pub struct Topology {
    /// Node 0.
    pub client: Netns,
    /// The last node.
    pub server: Netns,
    routers: Vec<Netns>,
}

impl Topology {
    /// With so many routers; none puts client and server on one link.
    pub fn chain(routers: usize) -> Topology {
        let mut nodes: Vec<Netns> = (0..routers + 2).map(|_| Netns::new()).collect();
        for router in &nodes[1..=routers] {
            router.sysctl("net/ipv4/ip_forward", "1");
            router.sysctl("net/ipv6/conf/all/forwarding", "1");
        }
        for link in 1..nodes.len() {
            nodes[link - 1].ip(&format!("link add right type veth peer name left netns {}", nodes[link].path()));
            nodes[link - 1].ip(&attach("right", near(link)));
            nodes[link].ip(&attach("left", far(link)));
        }
        for (node, net) in nodes.iter().enumerate() {
            net.ip(&routes(node, nodes.len()));
        }
        nodes.iter().for_each(Netns::await_addresses);
        let server = nodes.pop().expect("two nodes at least");
        let client = nodes.remove(0);
        Topology { client, server, routers: nodes }
    }

    /// The k-th router from the client, from 1.
    pub fn router(&self, k: usize) -> &Netns {
        &self.routers[k - 1]
    }

    /// The address from which hop k answers the client, from 1; the last hop is the server.
    pub fn hop(&self, k: usize) -> Addresses {
        far(k)
    }

    /// The client's address.
    pub fn client_address(&self) -> Addresses {
        near(1)
    }

    /// The server's address.
    pub fn server_address(&self) -> Addresses {
        far(self.routers.len() + 1)
    }

    /// The server in both families, with a port.
    pub fn server_port(&self, port: u16) -> [SocketAddr; 2] {
        self.server_address().both().map(|address| SocketAddr::new(address, port))
    }
}

/// The client's side of a link.
fn near(link: usize) -> Addresses {
    end(link, 1)
}

/// The server's side of a link.
fn far(link: usize) -> Addresses {
    end(link, 2)
}

fn end(link: usize, side: u8) -> Addresses {
    let link = u8::try_from(link).expect("fewer than 256 links");
    Addresses {
        v4: Ipv4Addr::new(10, 77, link, side),
        v6: Ipv6Addr::new(0xfd77, link.into(), 0, 0, 0, 0, 0, side.into()),
    }
}

fn attach(interface: &str, Addresses { v4, v6 }: Addresses) -> String {
    format!(
        "link set {interface} up\n\
         address add {v4}/24 dev {interface}\n\
         address add {v6}/64 dev {interface} nodad\n"
    )
}

/// What a node must know of the links that it is not on; `ip` commands.
fn routes(node: usize, nodes: usize) -> String {
    let to_left = (1..node).map(|link| route_to(link, near(node)));
    let to_right = (node + 2..nodes).map(|link| route_to(link, far(node + 1)));
    let elsewhere = (node == 0 && nodes > 2).then(|| {
        let Addresses { v4, v6 } = far(1);
        format!("route add default via {v4}\nroute add default via {v6}\n")
    });
    to_left.chain(to_right).chain(elsewhere).collect()
}

fn route_to(link: usize, gateway: Addresses) -> String {
    format!("route add 10.77.{link}.0/24 via {}\nroute add {}/64 via {}\n", gateway.v4, end(link, 0).v6, gateway.v6)
}
