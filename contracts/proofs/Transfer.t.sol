// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LedgerProof} from "./ProofBase.sol";

abstract contract MovementProof is LedgerProof {
    /// What one movement of `value` must do to the words of `from`, `to` and anybody else.
    struct Before {
        uint256 from;
        uint256 to;
        uint256 third;
    }

    function _before(address from, address to, address third) internal view returns (Before memory) {
        vm.assume(third != from && third != to);
        return Before(wordOf(from), wordOf(to), wordOf(third));
    }

    function _isMovable(Before memory was, address from, address to, uint256 value) internal view returns (bool) {
        if (cash.isPaused() || isFrozen(was.from) || isFrozen(was.to) || value > balanceIn(was.from)) return false;
        return from == to || value <= BALANCE - balanceIn(was.to);
    }

    function _assertMoved(Before memory was, address from, address to, address third, uint256 value) internal view {
        if (from == to) {
            assert(wordOf(from) == was.from);
        } else {
            assert(wordOf(from) == was.from - value);
            assert(wordOf(to) == was.to + value);
            assert(balanceIn(wordOf(from)) + balanceIn(wordOf(to)) == balanceIn(was.from) + balanceIn(was.to));
        }
        assert(wordOf(third) == was.third);
    }
}

/// `transfer` of the ledger itself, in any state, between any accounts, the same one twice among them.
contract TransferProof is MovementProof {
    function check_aTransferMovesTheValueOrNothing(address from, address to, address third, uint256 value) public {
        Before memory was = _before(from, to, third);
        bool movable = _isMovable(was, from, to, value);
        vm.prank(from);
        try cash.transfer(to, value) returns (bool answer) {
            assert(answer);
            assert(movable);
            _assertMoved(was, from, to, third, value);
        } catch {
            assert(!movable);
            _assertMoved(was, from, to, third, 0);
        }
    }

    /// No transfer reaches, or leaves, what can be nobody's account.
    function check_noTransferInvolvesNoAccount(address from, address to, uint256 value) public {
        vm.prank(from);
        try cash.transfer(to, value) {
            assert(from != address(0) && from != address(cash) && from != cash.office());
            assert(to != address(0) && to != address(cash) && to != cash.office());
        } catch {}
    }
}

/// `transferFrom`, likewise. An allowance is kept at a hash of 40 bytes, which only the generic layout of storage knows.
/// @custom:halmos --storage-layout generic
contract SpenderProof is MovementProof {
    function check_aSpenderMovesWhatWasAllowed(address spender, address from, address to, address third, uint256 value)
        public
    {
        Before memory was = _before(from, to, third);
        bool movable = _isMovable(was, from, to, value);
        uint256 allowed = cash.allowance(from, spender);
        vm.prank(spender);
        try cash.transferFrom(from, to, value) returns (bool answer) {
            assert(answer);
            assert(movable && value <= allowed);
            assert(cash.allowance(from, spender) == (allowed == type(uint256).max ? allowed : allowed - value));
            _assertMoved(was, from, to, third, value);
        } catch {
            assert(!movable || value > allowed);
            assert(cash.allowance(from, spender) == allowed);
            _assertMoved(was, from, to, third, 0);
        }
    }
}
