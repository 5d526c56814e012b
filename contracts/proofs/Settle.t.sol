// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Leg} from "../src/ICash.sol";
import {LedgerProof} from "./ProofBase.sol";

/// `settle` of the ledger itself with two debtors and one creditor, in any state: any accounts, each the same as any other
/// among them, any amounts, any nonces, and any signatures. What `ecrecover` answers is free, so both outcomes of every
/// signature check are covered.
contract SettleProof is LedgerProof {
    /// The arguments of one settlement.
    struct Deal {
        address[2] debtors;
        address creditor;
        uint256[2] debited;
        uint256 credited;
        uint56[2] nonces;
    }

    /// Settles, or gives the path up: what reverts changes nothing. Two consents in their short form.
    function _settle(Deal memory deal, bytes32[2] memory r, bytes32[2] memory vs) private {
        Leg[] memory debits = new Leg[](2);
        Leg[] memory credits = new Leg[](1);
        debits[0] = Leg(deal.debtors[0], deal.debited[0]);
        debits[1] = Leg(deal.debtors[1], deal.debited[1]);
        credits[0] = Leg(deal.creditor, deal.credited);
        bytes memory consents =
            abi.encodePacked(uint8(0), deal.nonces[0], r[0], vs[0], uint8(0), deal.nonces[1], r[1], vs[1]);
        cash.settle(debits, credits, consents, "context", address(0), type(uint256).max);
    }

    /// Each debtor has exactly its leg less and each creditor its leg more, and both sides have the same sum: what all have
    /// together stays.
    function check_aSettlementConserves(Deal memory deal, bytes32[2] memory r, bytes32[2] memory vs) public {
        uint256 d0 = balanceIn(wordOf(deal.debtors[0]));
        uint256 d1 = balanceIn(wordOf(deal.debtors[1]));
        uint256 c0 = balanceIn(wordOf(deal.creditor));
        _settle(deal, r, vs);
        // Amounts are below 2 ** 96 where `debited <= balance`, so the sums do not wrap.
        uint256 wrong = (balanceIn(wordOf(deal.debtors[0])) ^ (d0 - deal.debited[0]))
            | (balanceIn(wordOf(deal.debtors[1])) ^ (d1 - deal.debited[1]))
            | (balanceIn(wordOf(deal.creditor)) ^ (c0 + deal.credited))
            | ((deal.debited[0] + deal.debited[1]) ^ (deal.credited));
        assert(wrong == 0);
    }

    /// Who is debited is not credited, and has the whole leg before anything comes in.
    function check_nobodySpendsWhatComesIn(Deal memory deal, bytes32[2] memory r, bytes32[2] memory vs) public {
        uint256 d0 = balanceIn(wordOf(deal.debtors[0]));
        uint256 d1 = balanceIn(wordOf(deal.debtors[1]));
        _settle(deal, r, vs);
        assert(deal.debtors[0] != deal.creditor);
        assert(deal.debtors[1] != deal.creditor);
        assert(deal.debtors[0] != deal.debtors[1]);
        assert(deal.debited[0] <= d0);
        assert(deal.debited[1] <= d1);
    }

    function check_aSettlementNeedsAllPartiesMovable(Deal memory deal, bytes32[2] memory r, bytes32[2] memory vs)
        public
    {
        uint256 all = wordOf(deal.debtors[0]) | wordOf(deal.debtors[1]) | wordOf(deal.creditor);
        bool paused = cash.isPaused();
        _settle(deal, r, vs);
        assert(!isFrozen(all));
        assert(!paused);
    }

    function check_aSettlementLeavesOthersAlone(
        Deal memory deal,
        bytes32[2] memory r,
        bytes32[2] memory vs,
        address third
    ) public {
        vm.assume(third != deal.debtors[0] && third != deal.debtors[1]);
        vm.assume(third != deal.creditor);
        uint256 was = wordOf(third);
        _settle(deal, r, vs);
        assert(wordOf(third) == was);
    }
}
