// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base} from "./Base.sol";
import {TwinSteps} from "./TwinSteps.sol";

/// Our ledger and OpenZeppelin's token answer the same calls of ERC-20, ERC-2612 and ERC-3009 alike, in any order. See
/// `TwinSteps` for the differences that we want.
contract DifferentialTest is Base {
    /// forge's name for the functions of a contract that it may call.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    TwinSteps private _twins;

    function setUp() public override {
        super.setUp();
        vm.prank(ADMIN);
        cash.setQuota(ISSUER, type(uint96).max, type(uint96).max);
        _twins = new TwinSteps(cash);
        _twins.begin();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_twins);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_twins), _twins.actions());
    }

    /// Every step compares, and reverts where the two differ.
    function invariant_theLedgerAndOpenZeppelinsTokenAgree() public view {
        _twins.compare();
    }

    /// One fixed sequence, in which every call succeeds and is refused often enough to mean something.
    function test_inALongRunEveryCallSucceedsAndIsRefusedByBoth() public {
        bytes4[] memory actions = _twins.actions();
        for (uint256 i = 0; i < 1_000; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("twins", i)));
            (bool ok, bytes memory reason) =
                address(_twins).call(abi.encodeWithSelector(actions[seed % actions.length], seed));
            if (!ok) {
                assembly {
                    revert(add(reason, 0x20), mload(reason))
                }
            }
        }
        string[9] memory calls = [
            "transfer",
            "approve",
            "transferFrom",
            "permit",
            "transferWithAuthorization",
            "receiveWithAuthorization",
            "cancelAuthorization",
            "mint",
            "burn"
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            assertTrue(_twins.succeeded(calls[i]) >= 15, string.concat(calls[i], " succeeds too rarely"));
            assertTrue(_twins.refused(calls[i]) >= 5, string.concat(calls[i], " is refused too rarely"));
        }
    }
}
