// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

bytes4 constant ERC1271_MAGIC = 0x1626ba7e;

/// An ERC-1271 account that accepts 66 bytes: 0x01, then its owner's 65-byte signature.
/// The longer form makes sure that its answer counts, and not ECDSA tried before.
contract SmartAccount {
    address private immutable _owner;

    constructor(address owner) {
        _owner = owner;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != 66 || signature[0] != 0x01) return 0xffffffff;
        address signer = ecrecover(digest, uint8(signature[65]), bytes32(signature[1:33]), bytes32(signature[33:65]));
        return signer != address(0) && signer == _owner ? ERC1271_MAGIC : bytes4(0xffffffff);
    }
}

/// Accepts every signature.
contract CredulousAccount {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return ERC1271_MAGIC;
    }
}

/// Answers with a fixed number of bytes, first the magic value and then zeros; returns them or reverts with them.
contract EchoAccount {
    uint256 private immutable _size;
    bytes32 private immutable _answer;
    bool private immutable _isRevert;

    constructor(uint256 size, bytes32 answer, bool isRevert) {
        (_size, _answer, _isRevert) = (size, answer, isRevert);
    }

    fallback() external {
        (uint256 size, bytes32 answer, bool isRevert) = (_size, _answer, _isRevert);
        assembly {
            mstore(0, answer)
            if isRevert { revert(0, size) }
            return(0, size)
        }
    }
}

/// Burns all the gas it is given.
contract BurningAccount {
    fallback() external {
        while (true) {}
    }
}

/// Tries to change its own state while it is asked, which a static call forbids.
contract WritingAccount {
    uint256 public asked;

    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        ++asked;
        return ERC1271_MAGIC;
    }
}

/// Accepts only while it is given nearly the promised 200,000 gas.
contract HungryAccount {
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        return gasleft() > 198_000 && gasleft() <= 200_000 ? ERC1271_MAGIC : bytes4(0xffffffff);
    }
}

/// While it is asked, makes the call that its signature spells, and accepts where that call was refused.
contract ReentrantAccount {
    address private immutable _ledger;

    constructor(address ledger) {
        _ledger = ledger;
    }

    function isValidSignature(bytes32, bytes calldata signature) external returns (bytes4) {
        (bool ok,) = _ledger.call{gas: 150_000}(signature);
        return ok ? bytes4(0xffffffff) : ERC1271_MAGIC;
    }
}

/// Accepts while somebody's balance is what it was told.
contract WatchingAccount {
    IERC20 private immutable _ledger;
    address private immutable _watched;
    uint256 private immutable _balance;

    constructor(address ledger, address watched, uint256 balance) {
        (_ledger, _watched, _balance) = (IERC20(ledger), watched, balance);
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        return _ledger.balanceOf(_watched) == _balance ? ERC1271_MAGIC : bytes4(0xffffffff);
    }
}

/// Accepts after it has burned 150,000 gas.
contract SlowAccount {
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 before = gasleft();
        while (before - gasleft() < 150_000) {}
        return ERC1271_MAGIC;
    }
}
