// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account} from "../src/Account.sol";
import {Leg} from "../src/ICash.sol";
import {LedgerProof} from "./ProofBase.sol";

/// `settle` of the ledger itself with two debtors and two creditors, in any state: any accounts, each the same as any other
/// among them, any amounts, any nonces, and any signatures. What `ecrecover` answers is free, so both outcomes of every
/// signature check are covered.
contract SettleProof is LedgerProof {
    /// The arguments of one settlement.
    struct Deal {
        address[2] debtors;
        address[2] creditors;
        uint256[2] debited;
        uint256[2] credited;
        uint56[2] nonces;
    }

    struct Words {
        uint256[2] debtors;
        uint256[2] creditors;
        uint256 third;
    }

    function _words(Deal memory deal, address third) private view returns (Words memory words) {
        for (uint256 i = 0; i < 2; ++i) {
            words.debtors[i] = wordOf(deal.debtors[i]);
            words.creditors[i] = wordOf(deal.creditors[i]);
        }
        words.third = wordOf(third);
    }

    function _settled(Deal memory deal, bytes32[2] memory r, bytes32[2] memory vs) private returns (bool success) {
        Leg[] memory debits = new Leg[](2);
        Leg[] memory credits = new Leg[](2);
        for (uint256 i = 0; i < 2; ++i) {
            debits[i] = Leg(deal.debtors[i], deal.debited[i]);
            credits[i] = Leg(deal.creditors[i], deal.credited[i]);
        }
        bytes memory consents =
            abi.encodePacked(uint8(0), deal.nonces[0], r[0], vs[0], uint8(0), deal.nonces[1], r[1], vs[1]);
        try cash.settle(debits, credits, consents, "context", address(0), type(uint256).max) {
            return true;
        } catch {
            return false;
        }
    }

    function check_aSettlementIsSettledWholeOrNotAtAll(
        Deal memory deal,
        bytes32[2] memory r,
        bytes32[2] memory vs,
        address third
    ) public {
        bool paused = cash.isPaused();
        Words memory was = _words(deal, third);
        bool success = _settled(deal, r, vs);
        Words memory now_ = _words(deal, third);
        if (!success) {
            assert(keccak256(abi.encode(now_)) == keccak256(abi.encode(was)));
            return;
        }
        assert(!paused);
        assert(deal.debtors[0] != deal.debtors[1] && deal.creditors[0] != deal.creditors[1]);
        uint256 debited = 0;
        uint256 credited = 0;
        for (uint256 i = 0; i < 2; ++i) {
            // Nobody is on both sides, so nobody spends what comes in.
            assert(deal.debtors[i] != deal.creditors[0] && deal.debtors[i] != deal.creditors[1]);
            assert(!isFrozen(was.debtors[i]) && !isFrozen(was.creditors[i]));
            assert(deal.debited[i] != 0 && deal.debited[i] <= balanceIn(was.debtors[i]));
            assert(deal.credited[i] != 0);
            (bool good, Account next) = Account.wrap(was.debtors[i]).withNonceUsed(deal.nonces[i]);
            assert(good);
            assert(now_.debtors[i] == Account.unwrap(next) - deal.debited[i]);
            assert(deal.credited[i] <= BALANCE - balanceIn(was.creditors[i]));
            assert(now_.creditors[i] == was.creditors[i] + deal.credited[i]);
            debited += deal.debited[i];
            credited += deal.credited[i];
        }
        assert(debited == credited);
        bool isParty = third == deal.debtors[0] || third == deal.debtors[1] || third == deal.creditors[0]
            || third == deal.creditors[1];
        if (!isParty) assert(now_.third == was.third);
    }
}
