//! The nodes that are asked: those that were given, and the members they name.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use crate::base::Result;
use crate::base::types::NodeId;
use crate::client::{Client, ClientOptions, Figures};

/// Never more connections than that, whatever members a node names.
const NODES_MAX: usize = 64;

/// What one address answered, or why it did not.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    /// Where it was asked.
    pub(super) address: String,
    /// Its name, if it is a member of which somebody knows one.
    pub(super) name: Option<String>,
    pub(super) answer: Result<Figures, String>,
}

/// The clients, one for each address.
pub(super) struct Crowd {
    options: ClientOptions,
    is_only: bool,
    asked: BTreeMap<String, Asked>,
}

struct Asked {
    client: Client,
    /// Somebody gave it: it is asked whether or not it is a member.
    is_given: bool,
    /// Who answered there last.
    node: Option<NodeId>,
    name: Option<String>,
    /// The last sample that is known.
    since: u64,
}

impl Crowd {
    /// The nodes at `endpoints` and, unless `is_only`, the other members of their cluster.
    ///
    /// # Errors
    /// `Invalid` for what cannot be an address.
    pub(super) async fn of(
        endpoints: &[String],
        options: ClientOptions,
        is_only: bool,
    ) -> Result<Self> {
        let mut crowd = Self {
            options,
            is_only,
            asked: BTreeMap::new(),
        };
        for endpoint in endpoints {
            crowd.add(endpoint, true).await?;
        }
        Ok(crowd)
    }

    /// Asks everybody at once. Who is heard of for the first time is asked next time, ...
    pub(super) async fn ask(&mut self) -> Vec<Heard> {
        let asking = self.asked.iter().map(async |(address, asked)| {
            let answer = asked.client.figures(asked.since).await;
            (address.clone(), answer)
        });
        let answers = join_all(asking).await;
        let mut heard = Vec::new();
        for (address, answer) in answers {
            let Some(asked) = self.asked.get_mut(&address) else {
                continue;
            };
            asked.heard(answer.as_ref().ok());
            heard.push(Heard {
                address,
                name: asked.name.clone(),
                answer: answer.map_err(|error| error.message().to_owned()),
            });
        }
        self.follow(&heard).await;
        heard
    }

    /// ... and here at once.
    pub(super) async fn ask_all(&mut self) -> Vec<Heard> {
        let known = self.asked.len();
        let heard = self.ask().await;
        match self.asked.len() == known {
            true => heard,
            false => {
                self.asked.values_mut().for_each(|asked| asked.since = 0);
                self.ask().await
            }
        }
    }

    /// Keeps to the members that the nodes name.
    async fn follow(&mut self, heard: &[Heard]) {
        if self.is_only {
            return;
        }
        let answers = heard.iter().filter_map(|it| it.answer.as_ref().ok());
        let members: BTreeMap<NodeId, (&str, &str)> = answers
            .flat_map(|figures| &figures.members)
            .map(|member| (member.node, (&*member.client_address, &*member.name)))
            .collect();
        if members.is_empty() {
            return;
        }
        let there: BTreeSet<NodeId> = self.asked.values().filter_map(|it| it.node).collect();
        let addresses: BTreeSet<&str> = members.values().map(|(address, _)| *address).collect();
        self.asked
            .retain(|address, it| it.is_given || addresses.contains(address.as_str()));
        for (node, (address, name)) in members {
            let is_new = !there.contains(&node) && !self.asked.contains_key(address);
            // An address that cannot be one is not asked.
            if is_new && !address.is_empty() && self.asked.len() < NODES_MAX {
                let _odd = self.add(address, false).await.is_err();
            }
            let at_address = self
                .asked
                .iter_mut()
                .find(|(at, it)| it.node == Some(node) || *at == address);
            if let Some((_, asked)) = at_address {
                asked.name = Some(name.to_owned());
            }
        }
    }

    async fn add(&mut self, address: &str, is_given: bool) -> Result<()> {
        let options = ClientOptions {
            endpoints: vec![address.to_owned()],
            ..self.options.clone()
        };
        let asked = Asked {
            client: Client::connect(options).await?,
            is_given,
            node: None,
            name: None,
            since: 0,
        };
        self.asked.insert(address.to_owned(), asked);
        Ok(())
    }
}

impl Asked {
    fn heard(&mut self, figures: Option<&Figures>) {
        let Some(figures) = figures else {
            // It may be another node, or another run of it, that answers next.
            self.since = 0;
            return;
        };
        self.node = Some(figures.node.node);
        if !figures.node.name.is_empty() {
            self.name = Some(figures.node.name.clone());
        }
        if let Some(newest) = figures.samples.last() {
            self.since = newest.number;
        }
    }
}
