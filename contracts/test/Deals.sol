// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Documents} from "../src/Documents.sol";
import {Leg} from "../src/ICash.sol";
import {SignedConsent} from "./Base.sol";
import {Events} from "./Events.sol";
import {Vm} from "./Base.sol";

/// Everything one `settle` call carries.
struct Deal {
    Leg[] debits;
    Leg[] credits;
    bytes32 context;
    address operator;
    uint256 validBefore;
    SignedConsent[] consents;
}

/// Making, signing and delivering settlements.
abstract contract Deals is Events {
    bytes32 internal constant CONTEXT = keccak256("ledger root");

    function emptyDeal(uint256 debits, uint256 credits) internal pure returns (Deal memory deal) {
        deal.debits = new Leg[](debits);
        deal.credits = new Leg[](credits);
        deal.context = CONTEXT;
        deal.validBefore = BEFORE;
        deal.consents = new SignedConsent[](debits);
    }

    /// One debtor, one creditor, the same amount; not yet signed.
    function dealOf(address debtor, address creditor, uint256 amount) internal pure returns (Deal memory deal) {
        deal = emptyDeal(1, 1);
        deal.debits[0] = Leg(debtor, amount);
        deal.credits[0] = Leg(creditor, amount);
    }

    function hashOf(Deal memory deal) internal pure returns (bytes32) {
        return settlementHash(deal.debits, deal.credits, deal.context, deal.operator, deal.validBefore);
    }

    /// The hash that debtor `i` signs with `nonce`.
    function consentOf(Deal memory deal, uint256 i, uint256 nonce) internal pure returns (bytes32) {
        return Documents.consent(deal.debits[i].account, hashOf(deal), nonce);
    }

    /// Signs as debtor `i`, with 65 or 64 bytes by turns.
    function sign(Deal memory deal, uint256 i, uint256 privateKey, uint256 nonce) internal view {
        _sign(deal, i, privateKey, nonce, hashOf(deal));
    }

    /// All debtors sign with the same nonce; `keys` are in the order of the debits.
    function signAll(Deal memory deal, uint256[] memory keys, uint256 nonce) internal view {
        bytes32 hash = hashOf(deal);
        for (uint256 i = 0; i < deal.debits.length; ++i) {
            _sign(deal, i, keys[i], nonce, hash);
        }
    }

    function _sign(Deal memory deal, uint256 i, uint256 privateKey, uint256 nonce, bytes32 hash) private view {
        bytes32 consent = Documents.consent(deal.debits[i].account, hash, nonce);
        bytes memory signature = i % 2 == 0 ? signed(privateKey, consent) : signedShort(privateKey, consent);
        deal.consents[i] = SignedConsent(nonce, signature);
    }

    function deliver(Deal memory deal) internal {
        deliver(deal, RELAYER);
    }

    function deliver(Deal memory deal, address caller) internal {
        vm.prank(caller);
        cash.settle(deal.debits, deal.credits, packed(deal.consents), deal.context, deal.operator, deal.validBefore);
    }

    function refuse(Deal memory deal, bytes memory reason) internal {
        refuse(deal, RELAYER, reason);
    }

    function refuse(Deal memory deal, address caller, bytes memory reason) internal {
        vm.prank(caller);
        vm.expectRevert(reason);
        cash.settle(deal.debits, deal.credits, packed(deal.consents), deal.context, deal.operator, deal.validBefore);
    }

    function noncesOf(Deal memory deal) internal pure returns (uint256[] memory nonces) {
        nonces = new uint256[](deal.consents.length);
        for (uint256 i = 0; i < nonces.length; ++i) {
            nonces[i] = deal.consents[i].nonce;
        }
    }

    function settledLogOf(Deal memory deal) internal pure returns (Vm.Log memory) {
        return settledLog(hashOf(deal), deal.context, noncesOf(deal));
    }
}
