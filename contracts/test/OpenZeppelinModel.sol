// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {
    ERC20TransferAuthorization
} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20TransferAuthorization.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {NoncesKeyed} from "@openzeppelin/contracts/utils/NoncesKeyed.sol";

/// OpenZeppelin's token with permit and ERC-3009 in both forms of signatures. Nonces are ERC-3009's own, in any order:
/// `ERC20TransferAuthorization` would otherwise want them one after the other.
contract OpenZeppelinModel is ERC20Permit, ERC20TransferAuthorization {
    constructor() ERC20("Model", "M") ERC20Permit("Model") {}

    function mint(address to, uint256 value) external {
        _mint(to, value);
    }

    function burn(address from, uint256 value) external {
        _burn(from, value);
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _useCheckedNonce(address owner, uint256 nonce) internal override(Nonces, NoncesKeyed) {
        super._useCheckedNonce(owner, nonce);
    }

    function authorizationState(address authorizer, bytes32 nonce) public view override returns (bool) {
        return ERC3009.authorizationState(authorizer, nonce);
    }

    function _consumeNonce(address authorizer, bytes32 nonce) internal override {
        ERC3009._consumeNonce(authorizer, nonce);
    }
}
