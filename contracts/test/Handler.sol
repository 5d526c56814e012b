// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Cash} from "./Base.sol";
import {Documents} from "../src/Documents.sol";
import {Actors} from "./Actors.sol";
import {Movers} from "./Movers.sol";

/// All that may happen to a ledger: movements, cancels, permits, issuing, freezes, pauses and the time.
contract Handler is Movers {
    uint256 private constant CAP = type(uint96).max;
    /// Bank references are the hashes of 1 to this number.
    uint256 public bankRefs;

    constructor(Cash cash_) Actors(cash_) {}

    /// Every action, for the invariant runs and for the long run. The richest are taken twice as often, and so is the
    /// end of a pause.
    function actions() external pure returns (bytes4[] memory all) {
        all = new bytes4[](20);
        (all[0], all[1], all[2]) = (this.transfer.selector, this.approve.selector, this.transferFrom.selector);
        (all[3], all[4], all[5]) = (this.pay.selector, this.settle.selector, this.authorize.selector);
        (all[6], all[7], all[8]) = (all[3], all[4], all[5]);
        (all[9], all[10]) = (this.cancelAuthorization.selector, this.cancelNonces.selector);
        (all[11], all[12], all[13]) = (this.permit.selector, this.mint.selector, this.burn.selector);
        (all[14], all[15], all[16]) = (this.setQuota.selector, this.freeze.selector, this.warp.selector);
        (all[17], all[18], all[19]) = (this.pause.selector, this.pause.selector, this.intrude.selector);
    }

    /// Quotas for both issuers, money for everybody, and so much of it that the supply is close to its cap.
    function begin() external step {
        _setQuota(ISSUER, CAP, 1e6);
        _setQuota(SECOND_ISSUER, 1e6, 10);
        address[COUNT] memory people = this.actors();
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256 value = i == 0 ? CAP - 1e13 : 1e9;
            _mint(ISSUER, people[i], value, keccak256(abi.encode(++bankRefs)));
        }
    }

    // ------------------------------------------------------------------------------------------------ cancels, permits

    function cancelAuthorization(uint256 seed) external step {
        address authorizer = signer(seed, "from");
        bytes32 nonce = authorizationNonce(authorizer, seed);
        bool isForged = isOneIn(12, seed, "forged");
        bytes memory signature = signatureOf(authorizer, Documents.cancelAuthorization(authorizer, nonce), isForged);
        bool expected = !isForged && isAuthorizationNonceGood(authorizer, nonce);
        vm.prank(RELAYER);
        (bool ok,) = address(cash)
            .call(abi.encodeWithSignature("cancelAuthorization(address,bytes32,bytes)", authorizer, nonce, signature));
        agree("cancelAuthorization", ok, expected);
        if (!ok) return;
        useAuthorizationNonce(authorizer, nonce);
        spend(authorizer, nonce);
    }

    function cancelNonces(uint256 seed) external step {
        address account = signer(seed, "from");
        bool isSigned = isOneIn(2, seed, "signed");
        uint256 base = plainWindow[account].base();
        uint256 upTo = base + (isOneIn(6, seed, "far") ? 1_000 + roll(seed, "upTo") % 80 : roll(seed, "upTo") % 12);
        if (isOneIn(6, seed, "back")) upTo = base / 2;
        bool isForged = isSigned && isOneIn(12, seed, "forged");
        uint256 validBefore = end(seed);
        bool expected = plainWindow[account].canCancel(upTo);
        bytes memory data = abi.encodeWithSignature("cancelNonces(uint256)", upTo);
        if (isSigned) {
            expected = expected && !isForged && block.timestamp < validBefore;
            bytes32 hash = Documents.cancelNonces(account, upTo, validBefore);
            data = abi.encodeWithSignature(
                "cancelNonces(address,uint256,uint256,bytes)",
                account,
                upTo,
                validBefore,
                signatureOf(account, hash, isForged)
            );
        }
        vm.prank(isSigned ? RELAYER : account);
        (bool ok,) = address(cash).call(data);
        agree(isSigned ? "cancelNonces signed" : "cancelNonces", ok, expected);
        if (ok && plainWindow[account].cancel(upTo)) spend(account, upTo - 1);
    }

    function permit(uint256 seed) external step {
        (address owner, address spender) = (signer(seed, "owner"), anyone(seed, "spender"));
        uint256 nonce = plainPermitNonce[owner];
        if (nonce != 0 && isOneIn(6, seed, "replayed")) --nonce;
        uint256 deadline = end(seed);
        uint256 value = allowed(seed);
        bool isForged = isOneIn(12, seed, "forged");
        bytes32 hash = Documents.permit(owner, spender, value, nonce, deadline);
        bytes memory signature = signatureOf(owner, hash, isForged);
        bool expected = !isForged && block.timestamp <= deadline && nonce == plainPermitNonce[owner];
        vm.prank(RELAYER);
        (bool ok,) = address(cash)
            .call(
                abi.encodeWithSignature(
                    "permit(address,address,uint256,uint256,bytes)", owner, spender, value, deadline, signature
                )
            );
        agree("permit", ok, expected);
        if (!ok) return;
        ++plainPermitNonce[owner];
        plainAllowance[owner][spender] = value;
    }

    // ------------------------------------------------------------------------------------------------ issuing

    function mint(uint256 seed) external step {
        address issuer = isOneIn(2, seed, "issuer") ? ISSUER : SECOND_ISSUER;
        uint256 level = plainQuota[issuer].levelNow();
        uint256 room = CAP - plainSupply;
        uint256 value = isOneIn(6, seed, "too much") ? level + 1 : roll(seed, "value") % (level / 3 + 1);
        if (room <= level && isOneIn(2, seed, "to the cap")) value = room + roll(seed, "beyond") % 2;
        _mint(issuer, payee(seed), value, _bankRef(seed));
    }

    function _mint(address issuer, address to, uint256 value, bytes32 bankRef) private {
        bool isAllowed =
            !plainPaused && mayReceive(to) && value <= plainQuota[issuer].levelNow() && !plainBankRef[bankRef];
        bool fits = value <= CAP - plainSupply;
        vm.prank(issuer);
        (bool ok,) = address(cash).call(abi.encodeCall(cash.mint, (to, value, bankRef)));
        agree(isAllowed && !fits ? "mint beyond the cap" : "mint", ok, isAllowed && fits);
        if (!ok) return;
        plainBankRef[bankRef] = true;
        plainQuota[issuer].spend(value);
        create(to, value);
    }

    function burn(uint256 seed) external step {
        address issuer = isOneIn(2, seed, "issuer") ? ISSUER : SECOND_ISSUER;
        uint256 value = amount(issuer, seed);
        bytes32 bankRef = _bankRef(seed);
        bool expected = !plainPaused && maySend(issuer, value) && !plainBankRef[bankRef];
        vm.prank(issuer);
        (bool ok,) = address(cash).call(abi.encodeCall(cash.burn, (value, bankRef)));
        agree("burn", ok, expected);
        if (!ok) return;
        plainBankRef[bankRef] = true;
        destroy(issuer, value);
    }

    /// Mostly a new one.
    function _bankRef(uint256 seed) private returns (bytes32) {
        uint256 number = isOneIn(6, seed, "used ref") ? roll(seed, "ref") % (bankRefs + 1) : ++bankRefs;
        return keccak256(abi.encode(number));
    }

    function setQuota(uint256 seed) external step {
        _setQuota(
            isOneIn(2, seed, "issuer") ? ISSUER : SECOND_ISSUER,
            isOneIn(3, seed, "all there is") ? CAP : roll(seed, "capacity") % 1e12,
            isOneIn(3, seed, "all there is") ? CAP : roll(seed, "refill") % 1e6
        );
    }

    function _setQuota(address issuer, uint256 capacity, uint256 refill) private {
        vm.prank(ADMIN);
        cash.setQuota(issuer, uint96(capacity), uint96(refill));
        agree("setQuota", true, true);
        plainQuota[issuer].set(capacity, refill);
    }

    // ------------------------------------------------------------------------------------------------ safety, time

    /// Mostly an unfreeze where somebody is frozen, so that few are frozen at any time.
    function freeze(uint256 seed) external step {
        address[COUNT] memory people = this.actors();
        address account = anyone(seed, "account");
        bool isOneMore = isOneIn(5, seed, "one more");
        for (uint256 i = 0; i < COUNT && !isOneMore; ++i) {
            if (plainFrozen[people[i]]) account = people[i];
        }
        bool isFrozen = plainFrozen[account];
        vm.prank(OFFICER);
        if (isFrozen) cash.unfreeze(account, "lifted");
        else cash.freeze(account, "court order");
        agree(isFrozen ? "unfreeze" : "freeze", true, true);
        plainFrozen[account] = !isFrozen;
    }

    /// The end of a pause; rarely a pause; else people go on paying.
    function pause(uint256 seed) external step {
        if (!plainPaused && !isOneIn(10, seed, "pause")) {
            _transfer(seed);
            return;
        }
        vm.prank(PAUSER);
        if (plainPaused) cash.unpause();
        else cash.pause();
        agree(plainPaused ? "unpause" : "pause", true, true);
        plainPaused = !plainPaused;
    }

    /// Somebody tries what another's role may do. Nobody but issuers mints, whatever other role they hold.
    function intrude(uint256 seed) external step {
        address caller = [person(roll(seed, "person") % PEOPLE), PAUSER, OFFICER, ISSUER, ADMIN][roll(seed, "who") % 5];
        (bytes memory data, address holder) = _privileged(roll(seed, "what") % 11, caller);
        if (caller == holder) caller = person(0);
        vm.prank(caller);
        (bool ok,) = address(cash).call(data);
        agree("intrude", ok, false);
    }

    /// A call, and who may make it.
    function _privileged(uint256 which, address caller) private view returns (bytes memory, address) {
        if (which == 0) return (abi.encodeCall(cash.mint, (caller, 1, keccak256("intruder"))), ISSUER);
        if (which == 1) return (abi.encodeCall(cash.burn, (0, keccak256("intruder"))), ISSUER);
        if (which == 2) return (abi.encodeCall(cash.setQuota, (caller, type(uint96).max, 1)), ADMIN);
        if (which == 3) return (abi.encodeCall(cash.freeze, (ADMIN, "grudge")), OFFICER);
        if (which == 4) return (abi.encodeCall(cash.unfreeze, (caller, "mine")), OFFICER);
        if (which == 5) return (abi.encodeCall(cash.pause, ()), PAUSER);
        if (which == 6) return (abi.encodeCall(cash.unpause, ()), PAUSER);
        if (which == 7) return (abi.encodeCall(cash.grantRole, (cash.ISSUER_ROLE(), caller)), ADMIN);
        if (which == 8) return (abi.encodeCall(cash.beginDefaultAdminTransfer, (caller)), ADMIN);
        if (which == 9) return (abi.encodeCall(cash.acceptDefaultAdminTransfer, ()), address(0));
        return (abi.encodeCall(cash.open, (caller, 0)), address(0));
    }

    function warp(uint256 seed) external step {
        vm.warp(block.timestamp + roll(seed, "seconds") % (isOneIn(4, seed, "long") ? 2 days : 1 hours));
        agree("warp", true, true);
    }
}
