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

    /// Called by forge after each step. A step itself reverts, and so fails, where the ledger accepts what the plain model
    /// refuses or the other way round, where a settlement is carried out in part, and where events cannot be read.
    function invariant_everyPromiseHolds() public view {
        inv01_theSumOfBalancesIsTheSupply();
        inv02_noBalanceChangesWithoutItsOwner();
        inv03_aNonceSucceedsAtMostOnce();
        inv05_aWindowNeverSlidesBack();
        inv06_frozenMoneyDoesNotMove();
        inv07_nothingMovesDuringAPause();
        inv08_noIssuerMintsBeyondItsQuota();
        inv09_aBankReferenceIsGoodOnce();
        inv10_theSupplyStaysBelowItsCap();
    }

    /// Called by forge at the end of each run: no later step can mend what these would find.
    function afterInvariant() public view {
        inv04_aSpentNonceIsNeverGoodAgain();
        inv11_anAccountsWordHoldsItsFieldsAndNothingElse();
        inv13_eventsRebuildTheWholeState();
        _assertRebuilt(_handler);
        _assertWindows();
        if (_handler.steps() < 500) return;
        assertTrue(_handler.successes() * 4 > _handler.steps(), "too few steps succeed");
        assertTrue(_handler.refusals() * 20 > _handler.steps(), "too few steps are refused");
    }

    function inv01_theSumOfBalancesIsTheSupply() public view {
        uint256 sum = 0;
        for (uint256 i = 0; i < 8; ++i) {
            sum += cash.balanceOf(_actors[i]);
        }
        assertEq(sum, cash.totalSupply(), "sum of balances");
        assertEq(sum, _handler.plainSupply(), "supply");
        assertEq(cash.balanceOf(address(0)) + cash.balanceOf(address(cash)), 0, "nobody's money");
    }

    /// The plain model moves money only for an owner's signature, call or allowance.
    function inv02_noBalanceChangesWithoutItsOwner() public view {
        for (uint256 i = 0; i < 8; ++i) {
            uint256 agreed = _handler.plainBalance(_actors[i]);
            assertEq(cash.balanceOf(_actors[i]), agreed, "a balance that its owner has not agreed to");
        }
    }

    /// Executions and cancels one by one, of window, wide and ERC-3009 nonces together.
    function inv03_aNonceSucceedsAtMostOnce() public view {
        assertTrue(_fold.mostExecutions() <= 1, "a nonce succeeded twice");
    }

    function inv04_aSpentNonceIsNeverGoodAgain() public view {
        (bytes32[] memory nonces, address[] memory accounts) = _handler.spent();
        for (uint256 i = 0; i < nonces.length; ++i) {
            assertTrue(cash.authorizationState(accounts[i], nonces[i]), "a spent nonce came back");
            uint256 number = uint256(nonces[i]);
            if (number < 2 ** 56) continue; // ERC-3009's own: in other documents this number is a window nonce
            bool isTagged = nonces[i] == tagged(uint56(number));
            uint256 own = isTagged ? uint56(number) : number;
            assertTrue(!cash.isNonceAvailable(accounts[i], own), "a spent nonce came back in other documents");
        }
    }

    function inv05_aWindowNeverSlidesBack() public view {
        assertTrue(!_handler.hasBaseFallen(), "a window slid back");
    }

    function inv06_frozenMoneyDoesNotMove() public view {
        assertTrue(!_handler.hasFrozenMoneyMoved(), "a frozen account paid or was paid");
    }

    function inv07_nothingMovesDuringAPause() public view {
        assertTrue(!_handler.hasMoneyMovedWhilePaused(), "money moved during a pause");
    }

    function inv08_noIssuerMintsBeyondItsQuota() public view {
        address[2] memory issuers = [ISSUER, SECOND_ISSUER];
        for (uint256 i = 0; i < 2; ++i) {
            assertTrue(_fold.minted(issuers[i]) <= _fold.mostGranted(issuers[i]), "minted beyond the quota");
            assertEq(cash.quotaOf(issuers[i]).level, _handler.plainLevelOf(issuers[i]), "quota");
        }
    }

    /// Mints and burns together.
    function inv09_aBankReferenceIsGoodOnce() public view {
        assertTrue(_fold.mostBankRefUses() <= 1, "a bank reference was good twice");
    }

    function inv10_theSupplyStaysBelowItsCap() public view {
        assertTrue(cash.totalSupply() <= type(uint96).max, "more than the cap");
    }

    /// The whole word, from storage: a bit of one field in another, or in the unused flags, would show.
    function inv11_anAccountsWordHoldsItsFieldsAndNothingElse() public view {
        for (uint256 i = 0; i < 8; ++i) {
            address actor = _actors[i];
            (uint256 base, uint256 bits) = _handler.plainWindowOf(actor);
            uint256 word = _handler.plainBalance(actor) | (bits << 96) | (base << 160);
            word |= _handler.plainPermitNonce(actor) << 216;
            if (_handler.plainFrozen(actor)) word |= 1 << 248;
            assertEq(wordOf(actor), word, "an account's word");
        }
    }

    /// Balances, supply, windows, wide and permit nonces, allowances, freezes, the pause, bank references and quotas.
    function inv13_eventsRebuildTheWholeState() public view {
        _assertRebuilt(_fold);
    }

    function _assertWindows() private view {
        for (uint256 i = 0; i < 6; ++i) {
            (uint256 base,) = _handler.plainWindowOf(_actors[i]);
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
        for (uint256 i = 0; i <= _handler.bankRefs(); ++i) {
            bytes32 bankRef = keccak256(abi.encode(i));
            assertEq(cash.isBankRefUsed(bankRef), told.plainBankRef(bankRef), "bank reference");
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
        invariant_everyPromiseHolds();
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
        assertTrue(_handler.refused("mint beyond the cap") >= 3, "the cap is met too rarely");
        assertTrue(_handler.refused("intrude") >= 20, "others' roles are tried too rarely");
        string[7] memory others = ["approve", "setQuota", "freeze", "unfreeze", "pause", "unpause", "warp"];
        for (uint256 i = 0; i < others.length; ++i) {
            assertTrue(_handler.succeeded(others[i]) >= 3, string.concat(others[i], " happens too rarely"));
        }
    }
}
