// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Cash} from "./Base.sol";
import {AccountState, Quota} from "../src/ICash.sol";
import {Base} from "./Base.sol";
import {Fold} from "./Fold.sol";
import {Handler} from "./Handler.sol";
import {PlainLedger} from "./PlainLedger.sol";

/// What holds after whatever happened, in whatever order. The handler's steps revert where the ledger does something
/// else than the plain model, and that fails these tests too.
contract InvariantsTest is Base {
    /// forge's name for the functions of a contract that it may call.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    address private constant SECOND_ISSUER = address(0x2155);

    Handler private _handler;
    Fold private _fold;
    address[8] private _actors;

    /// A ledger in which nothing has happened before the handler listens.
    function setUp() public override {
        vm.warp(START);
        cash = deploy("EUR", ADMIN, 0);
        vm.startPrank(ADMIN);
        cash.grantRole(cash.ISSUER_ROLE(), ISSUER);
        cash.grantRole(cash.ISSUER_ROLE(), SECOND_ISSUER);
        cash.grantRole(cash.PAUSER_ROLE(), PAUSER);
        cash.grantRole(cash.COMPLIANCE_ROLE(), OFFICER);
        vm.stopPrank();
        _handler = new Handler(cash);
        _fold = _handler.fold();
        _actors = _handler.actors();
        _handler.begin();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_handler), _handler.actions());
    }

    // ------------------------------------------------------------------------------------------------ invariants

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_noBalanceFallsWithoutItsOwnerAndNoNonceSucceedsTwice() public view {
        _assertAuthorized();
        assertTrue(_fold.mostExecutions() <= 1, "a nonce succeeded twice");
        assertTrue(!_handler.hasBaseFallen(), "a window slid back");
        _assertMintedWithinQuota();
    }

    /// Called by forge at the end of each run: no later step can mend what these would find.
    function afterInvariant() public view {
        _assertWindows();
        _assertRebuilt(_fold);
        _assertRebuilt(_handler);
    }

    function _assertAuthorized() private view {
        uint256 sum = 0;
        for (uint256 i = 0; i < 8; ++i) {
            uint256 held = cash.balanceOf(_actors[i]);
            assertEq(held, _handler.plainBalance(_actors[i]), "a balance that its owner has not agreed to");
            sum += held;
        }
        assertEq(sum, cash.totalSupply(), "sum of balances");
        assertEq(sum, _handler.plainSupply(), "supply");
    }

    function _assertWindows() private view {
        for (uint256 i = 0; i < 6; ++i) {
            AccountState memory state = cash.accountState(_actors[i]);
            (uint256 base, uint256 bits) = _handler.plainWindowOf(_actors[i]);
            assertEq(state.windowBase, base, "window base");
            assertEq(state.window, bits, "window");
            for (uint256 nonce = 0; nonce < 100; nonce += 33) {
                _assertNonce(_actors[i], base + nonce);
                _assertNonce(_actors[i], 2 ** 56 + nonce);
            }
        }
    }

    function _assertNonce(address account, uint256 nonce) private view {
        assertEq(cash.isNonceAvailable(account, nonce), _handler.isNonceGood(account, nonce), "available");
        bytes32 ours = nonce < 2 ** 56 ? tagged(nonce) : bytes32(nonce);
        assertEq(cash.authorizationState(account, ours), !_handler.isNonceGood(account, nonce), "authorization");
        bool isForeignGood = _handler.isAuthorizationNonceGood(account, bytes32(nonce));
        assertEq(cash.authorizationState(account, bytes32(nonce)), !isForeignGood, "foreign authorization");
    }

    function _assertRebuilt(PlainLedger told) private view {
        assertEq(cash.totalSupply(), told.plainSupply(), "supply");
        assertEq(cash.paused(), told.plainPaused(), "paused");
        for (uint256 i = 0; i < 8; ++i) {
            address actor = _actors[i];
            (uint256 base, uint256 bits) = told.plainWindowOf(actor);
            AccountState memory rebuilt = AccountState(
                uint96(told.plainBalance(actor)),
                uint64(bits),
                uint56(base),
                uint32(told.plainPermitNonce(actor)),
                told.plainFrozen(actor)
            );
            assertEq(abi.encode(cash.accountState(actor)), abi.encode(rebuilt), "account");
            for (uint256 j = 0; j < 8; ++j) {
                uint256 allowance = told.plainAllowance(actor, _actors[j]);
                assertEq(cash.allowance(actor, _actors[j]), allowance, "allowance");
            }
            for (uint256 nonce = 0; nonce < 60; nonce += 7) {
                _assertForeign(told, actor, nonce);
                _assertForeign(told, actor, 2 ** 56 + 2 * nonce);
            }
        }
        _assertQuotaRebuilt(told, ISSUER);
        _assertQuotaRebuilt(told, SECOND_ISSUER);
    }

    function _assertForeign(PlainLedger told, address actor, uint256 nonce) private view {
        assertEq(cash.authorizationState(actor, bytes32(nonce)), told.plainUsed(actor, nonce), "used");
    }

    function _assertQuotaRebuilt(PlainLedger told, address issuer) private view {
        (uint256 capacity, uint256 refill, uint256 level, uint256 since) = told.plainQuota(issuer);
        Quota memory quota = cash.quotaOf(issuer);
        level += refill * (quota.updatedAt - since);
        assertEq(quota.capacity, capacity, "capacity");
        assertEq(quota.refillPerSecond, refill, "refill");
        assertEq(quota.level, level < capacity ? level : capacity, "level");
    }

    function _assertMintedWithinQuota() private view {
        assertTrue(_fold.minted(ISSUER) <= _fold.mostGranted(ISSUER), "minted beyond the quota");
        assertTrue(_fold.minted(SECOND_ISSUER) <= _fold.mostGranted(SECOND_ISSUER), "minted beyond the quota");
        assertEq(cash.quotaOf(ISSUER).level, _handler.plainLevelOf(ISSUER), "quota");
        assertEq(cash.quotaOf(SECOND_ISSUER).level, _handler.plainLevelOf(SECOND_ISSUER), "quota");
    }

    // ------------------------------------------------------------------------------------------------ a long run

    /// One fixed life of a ledger, in which every action succeeds and, where it can be refused, is refused.
    function test_inALongRunEveryActionSucceedsAndIsRefused() public {
        bytes4[] memory actions = _handler.actions();
        for (uint256 i = 0; i < 1_500; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("long run", i)));
            (bool ok, bytes memory reason) =
                address(_handler).call(abi.encodeWithSelector(actions[seed % actions.length], seed));
            if (!ok) {
                assembly {
                    revert(add(reason, 0x20), mload(reason))
                }
            }
        }
        invariant_noBalanceFallsWithoutItsOwnerAndNoNonceSucceedsTwice();
        afterInvariant();
        string[13] memory refusable = [
            "transfer",
            "transferFrom",
            "pay",
            "payWide",
            "settle",
            "transferWithAuthorization",
            "receiveWithAuthorization",
            "cancelAuthorization",
            "cancelNonces",
            "cancelNonces signed",
            "permit",
            "mint",
            "burn"
        ];
        for (uint256 i = 0; i < refusable.length; ++i) {
            assertTrue(_handler.succeeded(refusable[i]) >= 10, string.concat(refusable[i], " succeeds too rarely"));
            assertTrue(_handler.refused(refusable[i]) >= 3, string.concat(refusable[i], " is refused too rarely"));
        }
        string[7] memory others = ["approve", "setQuota", "freeze", "unfreeze", "pause", "unpause", "warp"];
        for (uint256 i = 0; i < others.length; ++i) {
            assertTrue(_handler.succeeded(others[i]) >= 3, string.concat(others[i], " happens too rarely"));
        }
    }
}
