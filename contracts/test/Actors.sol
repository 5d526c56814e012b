// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountState} from "../src/ICash.sol";
import {Cash} from "./Base.sol";
import {Deals} from "./Deals.sol";
import {Dice} from "./Dice.sol";
import {Fold} from "./Fold.sol";
import {PlainLedger} from "./PlainLedger.sol";
import {SmartAccount} from "./SmartAccounts.sol";

/// The people of the invariant tests: how they are chosen and how they sign; and what holds after every step of theirs.
abstract contract Actors is Dice, Deals, PlainLedger {
    /// What the ledger says before and after a step.
    struct Sight {
        bool paused;
        uint256 supply;
        AccountState[8] accounts; // one for each of `COUNT`
    }

    uint256 internal constant PEOPLE = 5;
    uint256 internal constant COUNT = 8;
    address internal constant SECOND_ISSUER = address(0x2155);
    uint256 private constant SMART_OWNER = 20;

    Fold public immutable fold;
    bool public hasBaseFallen;
    bool public hasFrozenMoneyMoved;
    bool public hasMoneyMovedWhilePaused;

    address[COUNT] private _actors;
    mapping(address => uint256) private _keyOf;
    /// Nonces that were used or cancelled, as ERC-3009 names them, and whose.
    bytes32[] private _spent;
    address[] private _spentBy;

    constructor(Cash cash_) {
        cash = cash_;
        plainLedgerOf = address(cash_);
        fold = new Fold();
        for (uint256 i = 0; i < PEOPLE; ++i) {
            _actors[i] = person(i);
            _keyOf[_actors[i]] = key(i);
        }
        _actors[PEOPLE] = address(new SmartAccount(person(SMART_OWNER)));
        _actors[PEOPLE + 1] = ISSUER;
        _actors[PEOPLE + 2] = SECOND_ISSUER;
    }

    function actors() external view returns (address[COUNT] memory) {
        return _actors;
    }

    /// Records the events of a step and folds them, and looks at every account before and after.
    modifier step() {
        ++steps;
        Sight memory before = look();
        listen();
        _;
        fold.read(vm.getRecordedLogs());
        _compare(before, look());
    }

    function look() internal view returns (Sight memory sight) {
        (sight.paused, sight.supply) = (cash.paused(), cash.totalSupply());
        for (uint256 i = 0; i < COUNT; ++i) {
            sight.accounts[i] = cash.accountState(_actors[i]);
        }
    }

    /// What no step of any kind may do. Freezes, pauses and their ends are steps that move no money themselves.
    function _compare(Sight memory before, Sight memory later) private {
        if (before.paused && before.supply != later.supply) hasMoneyMovedWhilePaused = true;
        for (uint256 i = 0; i < COUNT; ++i) {
            (AccountState memory was, AccountState memory now_) = (before.accounts[i], later.accounts[i]);
            if (now_.windowBase < was.windowBase) hasBaseFallen = true;
            if (now_.balance == was.balance) continue;
            if (was.frozen) hasFrozenMoneyMoved = true;
            if (before.paused) hasMoneyMovedWhilePaused = true;
        }
    }

    /// Remembers a nonce that must never be good again.
    function spend(address account, bytes32 nonce) internal {
        _spent.push(nonce);
        _spentBy.push(account);
    }

    /// Remembers a nonce of our own documents.
    function spend(address account, uint256 nonce) internal {
        spend(account, nonce < 2 ** 56 ? tagged(nonce) : bytes32(nonce));
    }

    function spent() external view returns (bytes32[] memory nonces, address[] memory accounts) {
        return (_spent, _spentBy);
    }

    /// The ledger has accepted exactly what the plain model accepts.
    function agree(string memory action, bool ok, bool expected) internal {
        assertEq(ok, expected, string.concat(action, expected ? " was refused" : " was accepted"));
        tally(action, ok);
        if (!ok) listen(); // forge keeps the events of a reverted call, which no chain does: forget them
    }

    // ------------------------------------------------------------------------------------------------ choosing

    /// Anybody who can hold money.
    function anyone(uint256 seed, string memory purpose) internal view returns (address) {
        return _actors[roll(seed, purpose) % COUNT];
    }

    /// Anybody who can sign: a person or the smart account.
    function signer(uint256 seed, string memory purpose) internal view returns (address) {
        return _actors[roll(seed, purpose) % (PEOPLE + 1)];
    }

    /// Rarely one that is no payee at all.
    function payee(uint256 seed) internal view returns (address) {
        uint256 number = roll(seed, "payee") % 50;
        if (number == 0) return address(0);
        return number == 1 ? address(cash) : anyone(seed, "payee");
    }

    function isSmart(address account) internal view returns (bool) {
        return account == _actors[PEOPLE];
    }

    /// Mostly something the account has, a small sum, a part or all of it; sometimes a little too much.
    function amount(address from, uint256 seed) internal view returns (uint256) {
        uint256 held = plainBalance[from];
        uint256 kind = roll(seed, "amount kind") % 16;
        if (kind == 0) return held + 1;
        if (kind == 1) return held;
        return bound(roll(seed, "amount"), 0, kind < 8 && held > 1_000 ? 1_000 : held / 4);
    }

    /// Mostly a window nonce never used before, sometimes any near the window, sometimes one out of reach.
    function windowNonce(address account, uint256 seed) internal view returns (uint256) {
        uint256 base = plainWindow[account].base();
        uint256 kind = roll(seed, "nonce kind") % 20;
        uint256 number = roll(seed, "nonce");
        if (kind < 15) return plainWindow[account].highest + 1 + number % 3;
        if (kind < 18) return base + number % 64;
        if (kind == 18) return base + number % 1_200;
        return base < 70 ? number % 70 : base - number % 70;
    }

    /// Mostly in the future.
    function end(uint256 seed) internal view returns (uint256) {
        uint256 wait = roll(seed, "end") % 2 days;
        return isOneIn(16, seed, "expired") ? block.timestamp - wait % 3 : block.timestamp + 1 + wait;
    }

    // ------------------------------------------------------------------------------------------------ signing

    /// `account`'s signature in its own form; a forged one is another person's.
    function signatureOf(address account, bytes32 structHash, bool isForged) internal view returns (bytes memory) {
        if (isSmart(account)) {
            uint256 owner = isForged ? key(SMART_OWNER + 1) : key(SMART_OWNER);
            return abi.encodePacked(hex"01", signed(owner, structHash));
        }
        uint256 privateKey = isForged ? key(SMART_OWNER) : _keyOf[account];
        return uint256(structHash) % 2 == 0 ? signed(privateKey, structHash) : signedShort(privateKey, structHash);
    }

    /// 64 bytes, whoever it is: what fits into an item.
    function shortSignatureOf(address account, bytes32 structHash, bool isForged) internal view returns (bytes memory) {
        return signedShort(isForged || isSmart(account) ? key(SMART_OWNER) : _keyOf[account], structHash);
    }
}
