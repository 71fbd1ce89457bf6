//! The function `total`: adds up what was bought.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde::{Deserialize, Serialize};

/// What was bought.
#[derive(Deserialize)]
struct Purchase {
    items: Vec<Item>,
}

/// An article, how many of it, and what one costs.
#[derive(Deserialize, Serialize)]
struct Item {
    name: String,
    count: u32,
    cents: u64,
}

/// What is to be paid.
#[derive(Serialize)]
struct Receipt {
    items: Vec<Item>,
    cents: u64,
    currency: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // Lambda starts the program once, and calls it many times.
    let currency = std::env::var("CURRENCY").unwrap_or_else(|_| "EUR".to_owned());
    run(service_fn(async |event: LambdaEvent<Purchase>| {
        Ok::<_, Error>(receipt(event.payload, &currency))
    }))
    .await
}

fn receipt(purchase: Purchase, currency: &str) -> Receipt {
    let items = purchase.items;
    let cents = items.iter().map(|item| u64::from(item.count) * item.cents).sum();
    Receipt { items, cents, currency: currency.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_counts_each_article_as_often_as_it_was_bought() {
        let item = |count, cents| Item { name: "tea".to_owned(), count, cents };
        let purchase = Purchase { items: vec![item(2, 350), item(1, 99)] };
        assert_eq!(receipt(purchase, "EUR").cents, 799);
    }
}
