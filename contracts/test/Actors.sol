// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Cash} from "./Base.sol";
import {Vm} from "./Base.sol";
import {Deals} from "./Deals.sol";
import {Fold} from "./Fold.sol";
import {PlainLedger} from "./PlainLedger.sol";
import {SmartAccount} from "./SmartAccounts.sol";

/// The people of the invariant tests: how they are chosen and how they sign; and what holds after every step of theirs.
abstract contract Actors is Deals, PlainLedger {
    uint256 internal constant PEOPLE = 5;
    uint256 internal constant COUNT = 8;
    address internal constant SECOND_ISSUER = address(0x2155);
    uint256 private constant SMART_OWNER = 20;

    Fold public immutable fold;
    bool public hasBaseFallen;
    mapping(string action => uint256) public succeeded;
    mapping(string action => uint256) public refused;

    address[COUNT] private _actors;
    mapping(address => uint256) private _keyOf;
    mapping(address => uint256) private _lastBase;
    uint256 private _steps;

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

    /// Records the events of a step and folds them; a window base must not have fallen.
    modifier step() {
        ++_steps;
        listen();
        _;
        fold.read(vm.getRecordedLogs());
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256 base = cash.accountState(_actors[i]).windowBase;
            if (base < _lastBase[_actors[i]]) hasBaseFallen = true;
            _lastBase[_actors[i]] = base;
        }
    }

    /// The ledger has accepted exactly what the plain model accepts.
    function agree(string memory action, bool ok, bool expected) internal {
        assertEq(ok, expected, string.concat(action, expected ? " was refused" : " was accepted"));
        tally(action, ok);
        if (!ok) listen(); // forge keeps the events of a reverted call, which no chain does: forget them
    }

    function tally(string memory action, bool ok) internal {
        if (ok) ++succeeded[action];
        else ++refused[action];
    }

    // ------------------------------------------------------------------------------------------------ choosing

    /// A random number for one purpose in one step.
    function roll(uint256 seed, string memory purpose) internal view returns (uint256) {
        return uint256(keccak256(abi.encode(seed, purpose, _steps)));
    }

    function isOneIn(uint256 chances, uint256 seed, string memory purpose) internal view returns (bool) {
        return roll(seed, purpose) % chances == 0;
    }

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

    /// Mostly something the account has, sometimes a little too much.
    function amount(address from, uint256 seed) internal view returns (uint256) {
        uint256 balance_ = plainBalance[from];
        return isOneIn(16, seed, "too much") ? balance_ + 1 : bound(roll(seed, "amount"), 0, balance_ / 4);
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
