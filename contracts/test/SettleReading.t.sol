// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account} from "../src/Account.sol";
import {Documents} from "../src/Documents.sol";
import {ICashFacts, IMovements, Leg} from "../src/ICash.sol";
import {SignedConsent} from "./Base.sol";
import {Deal, Deals} from "./Deals.sol";
import {CredulousAccount} from "./SmartAccounts.sol";

/// A leg as it stands in call data: whatever a caller puts into its first word.
struct RawLeg {
    uint256 account;
    uint256 amount;
}

/// An ERC-1271 account that accepts its owner's plain signature, without binding it to itself (no ERC-7739).
contract UnboundAccount {
    address private immutable _owner;

    constructor(address owner) {
        _owner = owner;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        address signer = ecrecover(digest, uint8(signature[64]), bytes32(signature[0:32]), bytes32(signature[32:64]));
        return signer == _owner ? this.isValidSignature.selector : bytes4(0);
    }
}

/// `settle` reads its call data by hand: every bit of it counts, at every edge, and for one debtor alone.
contract SettleReadingTest is Deals {
    function _makeSmart(address account) private {
        vm.etch(account, address(new CredulousAccount()).code);
        give(account, 1_000);
    }

    /// The debtor signs the very words that `settle` hashes, so that nothing but the dirt can be the reason.
    function test_dirtyLegsAreRefusedThoughSigned() public {
        for (uint256 side = 0; side < 2; ++side) {
            if (side == 0) give(person(0), 1_000);
            (RawLeg[] memory debits, RawLeg[] memory credits) = (new RawLeg[](1), new RawLeg[](1));
            debits[0] = RawLeg(uint160(person(0)), 10);
            credits[0] = RawLeg(uint160(person(1)), 10);
            RawLeg memory spoiled = side == 0 ? debits[0] : credits[0];
            spoiled.account |= 1 << 160;
            bytes32 hash = Documents.settlement(_hash(debits), _hash(credits), CONTEXT, address(0), BEFORE);
            bytes32 consent = Documents.consent(person(0), hash, side);
            (bool ok, bytes memory answer) = address(cash)
                .call(
                    abi.encodeWithSelector(
                        IMovements.settle.selector,
                        debits,
                        credits,
                        abi.encodePacked(uint8(0), uint56(side), signedShort(key(0), consent)),
                        CONTEXT,
                        address(0),
                        BEFORE
                    )
                );
            assertTrue(!ok, "a dirty leg, signed");
            assertEq(answer, abi.encodeWithSelector(ICashFacts.DirtyAddress.selector, spoiled.account), "reason");
        }
    }

    function _hash(RawLeg[] memory legs) private pure returns (bytes32) {
        bytes32 leg = keccak256(abi.encode(Documents.LEG_TYPEHASH, legs[0].account, legs[0].amount));
        return keccak256(abi.encodePacked(leg));
    }

    /// Up to five accounts on each side, mixed in every order: refused exactly where one stands on both.
    function testFuzz_nobodyIsOnBothSidesWhereverTheyStand(uint256 seed) public {
        Deal memory deal = emptyDeal(1 + seed % 5, 1 + (seed >> 8) % 5);
        uint160 last = 0x1000;
        for (uint256 i = 0; i < deal.debits.length; ++i) {
            last += uint160(1 + (seed >> (16 + 4 * i)) % 3);
            deal.debits[i] = Leg(address(last), 60);
            _makeSmart(address(last));
        }
        uint256 left = 60 * deal.debits.length;
        bool isOnBoth = false;
        last = 0x1000;
        for (uint256 i = 0; i < deal.credits.length; ++i) {
            last += uint160(1 + (seed >> (40 + 4 * i)) % 4);
            uint256 part = i + 1 == deal.credits.length ? left : 10;
            deal.credits[i] = Leg(address(last), part);
            left -= part;
            isOnBoth = isOnBoth || _isDebtor(deal, address(last));
        }
        vm.prank(RELAYER);
        (bool ok, bytes memory answer) = address(cash).call(_dataOf(deal));
        assertEq(ok, !isOnBoth, "on both sides");
        if (isOnBoth) assertEq(bytes32(bytes4(answer)), bytes32(ICashFacts.LegOnBothSides.selector), "reason");
    }

    function _isDebtor(Deal memory deal, address account) private pure returns (bool) {
        for (uint256 i = 0; i < deal.debits.length; ++i) {
            if (deal.debits[i].account == account) return true;
        }
        return false;
    }

    function _dataOf(Deal memory deal) private view returns (bytes memory) {
        bytes memory consents = packed(deal.consents);
        return abi.encodeCall(
            cash.settle, (deal.debits, deal.credits, consents, deal.context, deal.operator, deal.validBefore)
        );
    }

    function test_aShortConsentsNonceHasAllItsBits() public {
        give(person(0), 1_000);
        uint256 base = 0xa1b2c3d4e5f607;
        place(person(0), Account.wrap(1_000 | (base << 160)));
        Deal memory deal = dealOf(person(0), person(1), 300);
        deal.consents[0] = SignedConsent(base + 3, signedShort(key(0), consentOf(deal, 0, base + 3)));
        listen();
        deliver(deal);
        heard(transferLog(person(0), person(1), 300), settledLogOf(deal));
        assertEq(cash.accountState(person(0)).window, 8, "window");
    }

    function test_aConsentsSignatureMayHave65535Bytes() public {
        _makeSmart(address(0xAA));
        uint256[5] memory sizes = [uint256(255), 256, 4_096, 65_280, 65_535];
        for (uint256 i = 0; i < sizes.length; ++i) {
            Deal memory deal = dealOf(address(0xAA), person(1), 1);
            deal.consents[0] = SignedConsent(i, new bytes(sizes[i]));
            deliver(deal);
        }
        assertEq(balance(1), 5, "each");
    }

    /// The company's account accepts what its owner signs. The owner's consent for the own account is no consent for it.
    function test_aConsentServesNoOtherAccountOfItsSigner() public {
        address company = address(new UnboundAccount(person(0)));
        give(person(0), 10);
        give(company, 1_000);
        Deal memory deal = emptyDeal(2, 1);
        (uint256 own, uint256 other) = person(0) < company ? (0, 1) : (1, 0);
        (deal.debits[own], deal.debits[other]) = (Leg(person(0), 10), Leg(company, 1_000));
        deal.credits[0] = Leg(person(1), 1_010);
        SignedConsent memory consent = SignedConsent(0, signed(key(0), consentOf(deal, own, 0)));
        (deal.consents[own], deal.consents[other]) = (consent, consent);
        refuse(deal, abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, company));
        deal.consents[other] = SignedConsent(0, signed(key(0), consentOf(deal, other, 0)));
        deliver(deal);
        assertEq(balance(1), 1_010, "with a consent for each");
    }
}
