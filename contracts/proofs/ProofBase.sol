// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account} from "../src/Account.sol";
import {Cash} from "../src/Cash.sol";

/// The cheat codes of forge that these proofs use; halmos answers them symbolically.
interface Vm {
    function assume(bool condition) external pure;
    function prank(address sender) external;
}

/// The cheat code of halmos itself.
interface Svm {
    /// From here on, what `account` stores is anything that its layout can hold.
    function enableSymbolicStorage(address account) external;
}

/// What every proof starts from. A function whose name begins with `check_` is a theorem: halmos runs it once for all
/// arguments, and an `assert` that any of them breaks is a counterexample.
abstract contract ProofBase {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Svm internal constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));
}

/// `Cash` as it is, whose words can be read whole.
contract OpenCash is Cash {
    constructor() Cash("EUR", address(0xAD), 0) {}

    function wordOf(address account) external view returns (uint256) {
        return Account.unwrap(_holdings[account].account);
    }

    function isPaused() external view returns (bool) {
        return _paused;
    }

    function office() external view returns (address) {
        return _office;
    }
}

/// A ledger in any state at all, of which one thing is known: the accounts that its constructor froze for good are frozen.
abstract contract LedgerProof is ProofBase {
    uint256 internal constant FROZEN = 1 << 248;
    uint256 internal constant BALANCE = type(uint96).max;

    OpenCash internal cash;

    function setUp() public {
        cash = new OpenCash();
        svm.enableSymbolicStorage(address(cash));
        vm.assume(wordOf(address(0)) & FROZEN != 0);
        vm.assume(wordOf(address(cash)) & FROZEN != 0);
        vm.assume(wordOf(cash.office()) & FROZEN != 0);
    }

    function wordOf(address account) internal view returns (uint256) {
        return cash.wordOf(account);
    }

    function isFrozen(uint256 word) internal pure returns (bool) {
        return word & FROZEN != 0;
    }

    function balanceIn(uint256 word) internal pure returns (uint256) {
        return word & BALANCE;
    }
}
