// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Documents} from "../src/Documents.sol";
import {IMovements, Leg} from "../src/ICash.sol";
import {SignedConsent, Vm} from "./Base.sol";
import {Deal, Deals} from "./Deals.sol";
import {CredulousAccount} from "./SmartAccounts.sol";

/// Reads the call data of `settle` as Solidity's own decoder does, into memory, with every check of its own.
contract PlainReader {
    function settle(
        Leg[] memory debits,
        Leg[] memory credits,
        bytes memory consents,
        bytes32 context,
        address operator,
        uint256 validBefore
    ) external pure returns (bytes32 hash, uint256[] memory nonces, Leg[] memory, Leg[] memory) {
        nonces = new uint256[](debits.length);
        uint256 offset = 0;
        for (uint256 i = 0; i < debits.length; ++i) {
            bool isLong = consents[offset++] != 0;
            nonces[i] = _number(consents, offset, isLong ? 32 : 7);
            offset += isLong ? 34 + _number(consents, offset + 32, 2) : 71;
        }
        require(offset == consents.length, "consents");
        hash = Documents.settlement(_hash(debits), _hash(credits), context, operator, validBefore);
        return (hash, nonces, debits, credits);
    }

    function _number(bytes memory data, uint256 offset, uint256 size) private pure returns (uint256 number) {
        for (uint256 i = 0; i < size; ++i) {
            number = (number << 8) | uint8(data[offset + i]);
        }
    }

    function _hash(Leg[] memory legs) private pure returns (bytes32) {
        bytes memory hashes;
        for (uint256 i = 0; i < legs.length; ++i) {
            hashes = abi.encodePacked(hashes, Documents.leg(legs[i].account, legs[i].amount));
        }
        return keccak256(hashes);
    }
}

/// `settle` reads its call data by hand. Whatever call data it takes, spoiled offsets and lengths among them, Solidity's
/// decoder reads the same settlement in it.
contract SettleDecodingTest is Deals {
    uint256 private constant FUNDS = 100_000;
    PlainReader private _reader;

    function setUp() public override {
        super.setUp();
        _reader = new PlainReader();
        for (uint160 i = 0; i < 3; ++i) {
            address debtor = address(0x100 * (i + 1));
            vm.etch(debtor, address(new CredulousAccount()).code);
            give(debtor, FUNDS);
        }
    }

    /// Three debtors who agree to everything. Amounts and consents are such numbers as offsets and lengths are too.
    function _goodCall() private pure returns (bytes memory) {
        Deal memory deal = emptyDeal(3, 3);
        for (uint160 i = 0; i < 3; ++i) {
            deal.debits[i] = Leg(address(0x100 * (i + 1)), 0x40 * (i + 1));
            deal.credits[i] = Leg(address(0x1000 * (i + 1)), 0x40 * (3 - i));
            deal.consents[i] = SignedConsent(uint256(i) << 56, new bytes(uint256(i) * 31));
        }
        return abi.encodeWithSelector(
            IMovements.settle.selector,
            deal.debits,
            deal.credits,
            packed(deal.consents),
            deal.context,
            deal.operator,
            type(uint256).max
        );
    }

    /// One to three words replaced by numbers that mean something there, and sometimes the end cut off.
    function _spoiledCall(uint256 seed) private pure returns (bytes memory data) {
        data = _goodCall();
        for (uint256 i = 0; i < 1 + seed % 3; ++i) {
            uint256 s = uint256(keccak256(abi.encode(seed, i)));
            uint256 words = s % 3 == 0 ? 6 : (data.length - 4) / 32;
            uint256 offset = 4 + 32 * ((s >> 8) % words);
            uint256 value = 32 * ((s >> 24) % 24);
            if ((s >> 40) % 4 == 0) value = (s >> 48) % 4;
            if ((s >> 40) % 8 == 1) value = type(uint256).max - value;
            assembly ("memory-safe") {
                mstore(add(add(data, 0x20), offset), value)
            }
        }
        if (seed % 7 == 0) {
            uint256 length = data.length - (seed >> 8) % 80;
            assembly ("memory-safe") {
                mstore(data, length)
            }
        }
    }

    /// Whether `settle` took the call; where it did, what it did is what Solidity reads.
    function _compare(bytes memory data) private returns (bool taken) {
        listen();
        (taken,) = address(cash).call(data);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (!taken) return false;
        (bool isRead, bytes memory answer) = address(_reader).call(data);
        assertTrue(isRead, "Solidity does not read what settle took");
        (bytes32 hash, uint256[] memory nonces, Leg[] memory debits, Leg[] memory credits) =
            abi.decode(answer, (bytes32, uint256[], Leg[], Leg[]));
        Vm.Log memory settled = logs[logs.length - 1];
        assertEq(settled.topics[1], hash, "hash");
        assertEq(settled.data, abi.encode(nonces), "nonces");
        for (uint256 i = 0; i < debits.length; ++i) {
            assertEq(cash.balanceOf(debits[i].account), FUNDS - debits[i].amount, "debtor");
        }
        for (uint256 i = 0; i < credits.length; ++i) {
            assertEq(cash.balanceOf(credits[i].account), credits[i].amount, "creditor");
        }
    }

    function testFuzz_settleReadsAsSolidityDoes(uint256 seed) public {
        _compare(_spoiledCall(seed));
    }

    /// Each word alone, replaced by every number that is an offset or a length here, by a huge one, and by itself with
    /// dirt in its upper bits. The comparison is about something: many of these calls are taken, and most are not.
    function test_eachWordSpoiledAloneReadsAsSolidityDoes() public {
        assertTrue(_taken(_goodCall()), "the unspoiled call");
        uint256 taken = 0;
        uint256 words = (_goodCall().length - 4) / 32;
        for (uint256 i = 0; i < words; ++i) {
            for (uint256 value = 0; value < 3; ++value) {
                if (_taken(_withWord(i, value))) ++taken;
            }
            for (uint256 k = 1; k < 24; ++k) {
                if (_taken(_withWord(i, 32 * k))) ++taken;
            }
            if (_taken(_withWord(i, type(uint256).max))) ++taken;
            if (_taken(_withWord(i, _wordOf(_goodCall(), i) | (1 << 160)))) ++taken;
        }
        assertTrue(taken > 2 * words && taken < 14 * words, string.concat("taken: ", vm.toString(taken)));
    }

    /// The credits lie last in the call data, and behind them the debtor's address: it is no leg.
    function test_whatFollowsTheCreditsIsNoLeg() public {
        uint256[6] memory head =
            [uint256(6 * 32), 6 * 32 + 6 * 32, 6 * 32 + 3 * 32, 0, uint160(address(0)), type(uint256).max];
        bytes memory debits = abi.encode(1, address(0x300), 64);
        bytes memory consents = abi.encodePacked(uint256(35), uint8(1), uint256(1) << 60, uint16(0), new bytes(29));
        bytes memory credits = abi.encode(1, address(0x250), 64);
        bytes memory behind = abi.encode(address(0x300), 64);
        assertTrue(
            _compare(abi.encodePacked(IMovements.settle.selector, head, debits, consents, credits, behind)), "taken"
        );
    }

    function _withWord(uint256 i, uint256 word) private pure returns (bytes memory data) {
        data = _goodCall();
        assembly ("memory-safe") {
            mstore(add(add(data, 0x24), shl(5, i)), word)
        }
    }

    function _wordOf(bytes memory data, uint256 i) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x24), shl(5, i)))
        }
    }

    function _taken(bytes memory data) private returns (bool taken) {
        uint256 before = vm.snapshotState();
        taken = _compare(data);
        vm.revertToState(before);
    }
}
